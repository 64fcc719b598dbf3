import { useRef } from "preact/hooks";

export type Mode = "complete" | "chat";

interface Props {
  readonly mode: Mode;
  /** Whether the model has a chat template. */
  readonly chat: boolean;
  readonly onChange: (mode: Mode) => void;
}

const titles: Readonly<Record<Mode, string>> = { complete: "Complete", chat: "Chat" };

/** Tabs as the ARIA pattern has them: arrows go from one to the other, Tab leaves. */
export function ModeTabs({ mode, chat, onChange }: Props) {
  const list = useRef<HTMLDivElement>(null);

  function onKeyDown({ key }: KeyboardEvent): void {
    if (!chat || !["ArrowLeft", "ArrowRight"].includes(key)) return;
    const other = mode === "chat" ? "complete" : "chat";
    onChange(other);
    list.current?.querySelector<HTMLElement>(`#tab-${other}`)?.focus();
  }

  return (
    <div class="tabs" role="tablist" aria-label="What to do" onKeyDown={onKeyDown} ref={list}>
      {(["complete", "chat"] as const).map((name) => (
        <button
          key={name}
          id={`tab-${name}`}
          type="button"
          role="tab"
          aria-selected={mode === name}
          aria-controls={`panel-${name}`}
          tabIndex={mode === name ? 0 : -1}
          disabled={name === "chat" && !chat}
          title={name === "chat" && !chat ? "This model has no chat template" : undefined}
          onClick={() => onChange(name)}
        >
          {titles[name]}
        </button>
      ))}
    </div>
  );
}
