import { useId, useRef, useState } from "preact/hooks";
import { Actions } from "./actions.js";
import { CurlLine } from "./curl-line.js";
import { fieldsOf, type Settings } from "./settings.js";
import { submitKeys } from "./submit-keys.js";
import { useAnswer } from "./use-answer.js";

interface Props {
  readonly model: string;
  readonly settings: Settings;
}

/** Text that the model writes on from. */
export function CompleteMode({ model, settings }: Props) {
  const [prompt, setPrompt] = useState("It was a dark night, and the old house");
  const [written, setWritten] = useState({ beginning: "", text: "" });
  const answering = useAnswer();
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const body = { model, prompt, ...fieldsOf(settings) };

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    if (answering.busy) return;
    setWritten({ beginning: prompt, text: "" });
    box.current?.scrollIntoView({ block: "nearest" });
    void answering.run("/v1/completions", body, (part) =>
      setWritten(({ beginning, text }) => ({ beginning, text: text + part })),
    );
  }

  return (
    <>
      <form onSubmit={submit}>
        <label for={id}>Your beginning</label>
        <textarea
          id={id}
          rows={3}
          required
          value={prompt}
          onInput={(event) => setPrompt(event.currentTarget.value)}
          onKeyDown={submitKeys(answering)}
        />
        <Actions label="Write" answering={answering} />
      </form>
      <section aria-label="Text">
        <div id="text" class="paper" ref={box} aria-live="polite" aria-busy={answering.busy}>
          {written.beginning === "" && (
            <p class="hint">
              What the model writes appears here. <span class="keys">Ctrl + Enter writes, Esc stops.</span>
            </p>
          )}
          <span class="beginning">{written.beginning}</span>
          {written.text}
        </div>
      </section>
      <CurlLine endpoint="/v1/completions" body={body} />
    </>
  );
}
