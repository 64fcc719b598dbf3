import { useEffect, useState } from "preact/hooks";
import { fetchConfig, type PageConfig } from "./api.js";
import { ChatMode } from "./chat-mode.js";
import { CompleteMode } from "./complete-mode.js";
import { ModeTabs, type Mode } from "./mode-tabs.js";
import { initialSettings } from "./settings.js";
import { SettingsForm } from "./settings-form.js";
import { StatsPanel } from "./stats-panel.js";

/** The page: two ways to use the model, its settings, and what the server does. */
export function App() {
  const [config, setConfig] = useState<PageConfig>();
  const [failure, setFailure] = useState("");
  const [chosen, setMode] = useState<Mode>();
  const [settings, setSettings] = useState(initialSettings);
  useEffect(() => {
    fetchConfig().then(setConfig, (error: Error) => setFailure(error.message));
  }, []);

  // A base model writes on; only one that was taught to talk begins with a talk.
  const mode = chosen ?? (config?.chat === "full" ? "chat" : "complete");
  return (
    <>
      <header>
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" /> Whittle
        </h1>
        <p>
          <strong>{config?.model ?? "A small language model"}</strong> runs on this machine’s own processor
          {config && `, for texts of up to ${config.contextLength} tokens`}.
        </p>
      </header>
      {failure !== "" && <p class="failed">{failure}</p>}
      {config && (
        <div class="columns">
          <main>
            <ModeTabs mode={mode} chat={config.chat !== "none"} onChange={setMode} />
            <div role="tabpanel" id="panel-complete" aria-labelledby="tab-complete" hidden={mode !== "complete"}>
              <CompleteMode model={config.model} settings={settings} />
            </div>
            {config.chat !== "none" && (
              <div role="tabpanel" id="panel-chat" aria-labelledby="tab-chat" hidden={mode !== "chat"}>
                <ChatMode model={config.model} settings={settings} plain={config.chat === "plain"} />
              </div>
            )}
          </main>
          <aside>
            <SettingsForm settings={settings} onChange={setSettings} />
            <StatsPanel />
          </aside>
        </div>
      )}
    </>
  );
}
