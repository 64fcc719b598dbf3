import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Actions } from "./actions.js";
import { type ChatMessage } from "./api.js";
import { CurlLine } from "./curl-line.js";
import { fieldsOf, type Settings } from "./settings.js";
import { submitKeys } from "./submit-keys.js";
import { useAnswer } from "./use-answer.js";

interface Props {
  readonly model: string;
  readonly settings: Settings;
  /** The model's template does not tell who speaks. */
  readonly plain: boolean;
}

/** A talk with the model. */
export function ChatMode({ model, settings, plain }: Props) {
  const [messages, setMessages] = useState<readonly ChatMessage[]>([]);
  const [typed, setTyped] = useState("");
  const answering = useAnswer();
  const log = useRef<HTMLDivElement>(null);
  const id = useId();
  const bodyWith = (talk: readonly ChatMessage[]) => ({ model, messages: talk, ...fieldsOf(settings) });
  const asked = (content: string): ChatMessage[] => [...messages, { role: "user", content }];

  useEffect(() => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [messages]);

  async function send(): Promise<void> {
    const talk = asked(typed);
    setMessages([...talk, { role: "assistant", content: "" }]);
    setTyped("");
    const answered = await answering.run("/v1/chat/completions", bodyWith(talk), (part) =>
      setMessages((now) => [...now.slice(0, -1), { role: "assistant", content: (now.at(-1)?.content ?? "") + part }]),
    );
    if (answered) return;
    // A turn that failed is none: what was typed can be sent again.
    setMessages(messages);
    setTyped(typed);
  }

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    if (!answering.busy && typed.trim() !== "") void send();
  }

  return (
    <>
      {plain && (
        <p class="note">
          This model’s chat template only joins the messages: it cannot tell who speaks, and writes on rather than
          answers.
        </p>
      )}
      <div id="talk" class="paper" role="log" aria-label="Talk" aria-busy={answering.busy} tabIndex={0} ref={log}>
        {messages.length === 0 && (
          <p class="hint">
            Say something. <span class="keys">Enter sends, Shift + Enter begins a new line, Esc stops.</span>
          </p>
        )}
        {messages.map(({ role, content }, index) => (
          <div key={index} class={`message ${role}`}>
            <span class="speaker">{role === "user" ? "You" : model}</span>
            <p>{content}</p>
          </div>
        ))}
      </div>
      <form onSubmit={submit}>
        <label for={id}>Your message</label>
        <textarea
          id={id}
          rows={2}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={submitKeys(answering, true)}
        />
        <Actions label="Send" answering={answering}>
          <button type="button" disabled={answering.busy || messages.length === 0} onClick={() => setMessages([])}>
            New talk
          </button>
        </Actions>
      </form>
      <CurlLine endpoint="/v1/chat/completions" body={bodyWith(asked(typed))} />
    </>
  );
}
