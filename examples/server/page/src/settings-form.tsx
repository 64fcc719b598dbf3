import { type ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { type Settings } from "./settings.js";

interface Props {
  readonly settings: Settings;
  readonly onChange: (settings: Settings) => void;
}

/** How the text is drawn. */
export function SettingsForm({ settings, onChange }: Props) {
  const set = (name: keyof Settings) => (event: InputEvent) =>
    onChange({ ...settings, [name]: (event.currentTarget as HTMLInputElement).value });
  const temperatureId = useId();
  return (
    <details class="settings" open={globalThis.matchMedia("(min-width: 60rem)").matches}>
      <summary>Settings</summary>
      <div class="fields">
        <div class="field wide">
          <label for={temperatureId}>
            Temperature <output for={temperatureId}>{settings.temperature.toFixed(1)}</output>
          </label>
          <input
            id={temperatureId}
            type="range"
            min="0"
            max="1.5"
            step="0.1"
            value={settings.temperature}
            onInput={(event) => onChange({ ...settings, temperature: Number(event.currentTarget.value) })}
          />
          <small>0 takes the likeliest word, more is livelier</small>
        </div>
        <Field label="Tokens at most" help="A token is about three letters">
          {(id) => (
            <input
              id={id}
              type="number"
              min="1"
              value={settings.maxTokens}
              placeholder="what fits"
              inputMode="numeric"
              onInput={set("maxTokens")}
            />
          )}
        </Field>
        <Field label="Seed" help="The same seed gives the same text">
          {(id) => (
            <input
              id={id}
              type="number"
              min="0"
              value={settings.seed}
              placeholder="a new one"
              inputMode="numeric"
              onInput={set("seed")}
            />
          )}
        </Field>
        <Field label="Top-k" help="Only the k likeliest tokens">
          {(id) => (
            <input
              id={id}
              type="number"
              min="0"
              value={settings.topK}
              placeholder="all"
              inputMode="numeric"
              onInput={set("topK")}
            />
          )}
        </Field>
        <Field label="Top-p" help="Only those that reach p together">
          {(id) => (
            <input
              id={id}
              type="number"
              min="0"
              max="1"
              step="0.01"
              value={settings.topP}
              placeholder="1"
              inputMode="decimal"
              onInput={set("topP")}
            />
          )}
        </Field>
        <Field label="Min-p" help="Only those p times as likely as the first">
          {(id) => (
            <input
              id={id}
              type="number"
              min="0"
              max="1"
              step="0.01"
              value={settings.minP}
              placeholder="0"
              inputMode="decimal"
              onInput={set("minP")}
            />
          )}
        </Field>
        <Field label="Stop texts" help="One a line; the text ends before">
          {(id) => <textarea id={id} rows={1} value={settings.stop} placeholder="none" onInput={set("stop")} />}
        </Field>
      </div>
    </details>
  );
}

function Field({
  label,
  help,
  children,
}: {
  label: string;
  help: string;
  children: (id: string) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      <small>{help}</small>
    </div>
  );
}
