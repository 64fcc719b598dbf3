import { type ScheduledRequest, type SequenceId } from "@whittle/core";
import { type Detokenizer } from "@whittle/models";
import { type FinishReason, type Usage } from "../request.js";
import { PieceStream } from "./piece-stream.js";
import { type ResolvedRequest } from "./resolve-request.js";
import { StopMatcher } from "./stop-matcher.js";

export interface SequenceOptions {
  readonly id: number;
  readonly arrivalMs: number;
  readonly request: ResolvedRequest;
  /** Which of several answers to the same request. */
  readonly choice: number;
  readonly endIds: ReadonlySet<number>;
  readonly detokenizer: Pick<Detokenizer, "push" | "flush">;
}

/** One request from its submission to its end: what it has so far, where it stands in the cache, and where its text goes. */
export class Sequence implements ScheduledRequest {
  readonly id: number;
  readonly requestId: string;
  readonly arrivalMs: number;
  readonly request: ResolvedRequest;
  readonly choice: number;
  /** Prompt, then what was generated. */
  readonly ids: number[];
  readonly stream = new PieceStream(() => this.cancel());
  /** Its name in the cache while it is admitted. */
  slot: SequenceId | undefined;
  computedTokens = 0;
  blocks = 0;
  /** Prompt tokens that the cache held at the first admission; undefined before it. */
  cachedTokens: number | undefined;
  /** Steps in a row that failed with it. */
  failures = 0;
  cancelled = false;
  private readonly endIds: ReadonlySet<number>;
  private readonly detokenizer: Pick<Detokenizer, "push" | "flush">;
  private readonly stops: StopMatcher;
  private readonly onAbort = (): void => this.cancel();

  constructor({ id, arrivalMs, request, choice, endIds, detokenizer }: SequenceOptions) {
    this.id = id;
    this.requestId = `request-${id}`;
    this.arrivalMs = arrivalMs;
    this.request = request;
    this.choice = choice;
    this.endIds = endIds;
    this.detokenizer = detokenizer;
    this.ids = Array.from(request.prompt);
    this.stops = new StopMatcher(request.parameters.stop);
    request.signal?.addEventListener("abort", this.onAbort);
    if (request.signal?.aborted) this.cancel();
  }

  get promptTokens(): number {
    return this.request.prompt.length;
  }

  get generatedTokens(): number {
    return this.ids.length - this.promptTokens;
  }

  get pendingRows(): number {
    return this.ids.length - this.computedTokens;
  }

  get usage(): Usage {
    return {
      promptTokens: this.promptTokens,
      cachedTokens: this.cachedTokens ?? 0,
      completionTokens: this.generatedTokens,
    };
  }

  /** Takes the id drawn for it; gives the reason if this ends it. */
  accept(id: number): FinishReason | undefined {
    this.ids.push(id);
    if (this.endIds.has(id)) return this.end("stop", "", [id]);
    const { text, stopped } = this.stops.push(this.detokenizer.push(id));
    if (!stopped && this.generatedTokens >= this.request.parameters.maxTokens) return this.end("length", text, [id]);
    this.stream.add(text, [id]);
    return stopped ? "stop" : undefined;
  }

  /** Gives out what was held back, after `text`. A stop text that only now is whole still counts. */
  end(reason: FinishReason, text = "", ids: readonly number[] = []): FinishReason {
    const last = this.stops.push(this.detokenizer.flush());
    this.stream.add(text + last.text + this.stops.flush(), ids);
    return last.stopped ? "stop" : reason;
  }

  /** The loop ends it before its next step. */
  cancel(): void {
    this.cancelled = true;
  }

  /** It has ended: its signal is not listened to any more. */
  detach(): void {
    this.request.signal?.removeEventListener("abort", this.onAbort);
  }
}
