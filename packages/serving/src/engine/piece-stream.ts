import { RequestError } from "../errors.js";
import { type FinishReason, type Piece, type SampledLogprob, type Usage } from "../request.js";

/**
 * What the engine has made and the consumer has not yet taken, joined into one piece: memory is bounded by the answer, however slow the consumer.
 * Characters made of two UTF-16 units are not split either.
 */
export class PieceStream implements AsyncIterator<Piece, undefined> {
  private text = "";
  private tokens: number[] = [];
  private logprobs: SampledLogprob[] | undefined;
  private promptLogprobs: Piece["promptLogprobs"];
  private promptTold = false;
  private end: { finishReason: FinishReason; usage: Usage } | { error: unknown } | undefined;
  private waiting:
    | { resolve: (result: IteratorResult<Piece, undefined>) => void; reject: (error: unknown) => void }
    | undefined;
  private over = false;

  constructor(private readonly cancel: () => void) {}

  /** Adds to the piece under way. It is given out once it has text. */
  add(text: string, token?: number, logprob?: SampledLogprob): void {
    this.text += text;
    if (token !== undefined) this.tokens.push(token);
    if (logprob) (this.logprobs ??= []).push(logprob);
    if (this.text !== "") this.deliver();
  }

  /** The next piece has these of the prompt; only the first call counts. */
  tellPrompt(logprobs: NonNullable<Piece["promptLogprobs"]>): void {
    if (!this.promptTold) this.promptLogprobs = logprobs;
    this.promptTold = true;
  }

  finish(finishReason: FinishReason, usage: Usage): void {
    this.end ??= { finishReason, usage };
    this.deliver();
  }

  fail(error: unknown): void {
    this.end ??= { error };
    this.deliver();
  }

  next(): Promise<IteratorResult<Piece, undefined>> {
    if (this.waiting)
      return Promise.reject(
        new RequestError(undefined, "a generation gives one piece at a time: await the one before"),
      );
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      if (this.over || this.end || this.text !== "") this.deliver();
    });
  }

  return(): Promise<IteratorResult<Piece, undefined>> {
    this.over = true;
    this.cancel();
    this.deliver();
    return Promise.resolve({ done: true, value: undefined });
  }

  private deliver(): void {
    const { waiting } = this;
    if (!waiting) return;
    this.waiting = undefined;
    if (this.over) return waiting.resolve({ done: true, value: undefined });
    const { text, tokens, logprobs, promptLogprobs, end } = this;
    const piece: Piece = { text, tokens, ...(logprobs && { logprobs }), ...(promptLogprobs && { promptLogprobs }) };
    this.text = "";
    this.tokens = [];
    this.logprobs = undefined;
    this.promptLogprobs = undefined;
    // What was made before a failure is still given.
    if (!end || ("error" in end && text !== "")) return waiting.resolve({ done: false, value: piece });
    this.over = true;
    if ("error" in end) waiting.reject(end.error);
    else waiting.resolve({ done: false, value: { ...piece, ...end } });
  }
}
