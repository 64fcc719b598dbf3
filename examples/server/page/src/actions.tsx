import { useEffect, useRef } from "preact/hooks";
import { type ComponentChildren } from "preact";
import { type Answering } from "./use-answer.js";

interface Props {
  readonly label: string;
  readonly answering: Answering;
  readonly children?: ComponentChildren;
}

/** The buttons under what is typed, and what became of the last request. */
export function Actions({ label, answering: { busy, status, stop }, children }: Props) {
  const begin = useRef<HTMLButtonElement>(null);
  const end = useRef<HTMLButtonElement>(null);
  const hadFocus = useRef(false);
  // A disabled button loses the focus, and with it the reader's place: it goes to the other one.
  useEffect(() => {
    if (hadFocus.current) (busy ? end : begin).current?.focus();
  }, [busy]);
  hadFocus.current = [begin.current, end.current].some(
    (button) => button !== null && button === document.activeElement,
  );
  return (
    <div class="actions">
      <button class="primary" type="submit" disabled={busy} ref={begin}>
        {label}
      </button>
      <button type="button" disabled={!busy} onClick={stop} ref={end}>
        Stop
      </button>
      {children}
      <span role="status" class={status.failed ? "failed" : ""}>
        {status.text}
      </span>
    </div>
  );
}
