import { type ScheduledRequest, type SequenceId } from "@whittle/core";
import { type Detokenizer } from "@whittle/models";
import { type FinishReason, type SampledLogprob, type Usage } from "../request.js";
import { type TokenConstraint } from "../token-constraint.js";
import { LogitChanges } from "./logit-changes.js";
import { PieceStream } from "./piece-stream.js";
import { type PromptScores } from "./prompt-scores.js";
import { RequestClock } from "./request-clock.js";
import { type ResolvedRequest } from "./resolve-request.js";
import { StopMatcher } from "./stop-matcher.js";
import { TokenList } from "./token-list.js";

export interface SequenceOptions {
  readonly id: number;
  /** When it is submitted. */
  readonly queuedMs: number;
  readonly request: ResolvedRequest;
  /** Which of several answers to the same request. */
  readonly choice: number;
  /** Where the log-probabilities of its prompt go, if they are wanted. */
  readonly scores?: PromptScores;
  readonly endIds: ReadonlySet<number>;
  readonly detokenizer: Pick<Detokenizer, "push" | "flush">;
}

/** One answer from its request's submission to its end: what it has so far, where it stands in the cache, and where its text goes. */
export class Sequence implements ScheduledRequest {
  readonly id: number;
  readonly requestId: string;
  readonly request: ResolvedRequest;
  readonly choice: number;
  readonly scores: PromptScores | undefined;
  readonly clock: RequestClock;
  /** Prompt, then what was generated and read. */
  readonly ids: TokenList;
  readonly stream = new PieceStream(() => this.cancel());
  /** What must be done to its logits before a token is drawn; undefined: nothing. */
  readonly changes: LogitChanges | undefined;
  readonly constraint: TokenConstraint | undefined;
  /** Its name in the cache while it is admitted. */
  slot: SequenceId | undefined;
  /** Rows that the cache holds, those of steps under way included. */
  computedTokens = 0;
  /** Rows of steps that were read. */
  settledTokens = 0;
  blocks = 0;
  /** Ids drawn for it that are still on the device alone: 0 or 1. */
  unread = 0;
  /** Its place among the ids that the step under way draws. */
  drawnAt = 0;
  /** Prompt tokens that the cache held at the first admission; undefined before it. */
  cachedTokens: number | undefined;
  /** Whose prompt is the same and is being computed; this one waits for it. */
  leader: Sequence | undefined;
  /** Those that wait for this one's prompt. */
  followers: Sequence[] = [];
  /** Steps in a row that failed with it. */
  failures = 0;
  cancelled = false;
  /** What went wrong while its next token was prepared: it fails once the step is read. */
  fault: unknown;
  /** It has left the engine. */
  ended = false;
  private readonly endIds: ReadonlySet<number>;
  private readonly detokenizer: Pick<Detokenizer, "push" | "flush">;
  private readonly stops: StopMatcher;
  private readonly onAbort = (): void => this.cancel();

  constructor({ id, queuedMs, request, choice, scores, endIds, detokenizer }: SequenceOptions) {
    this.id = id;
    this.requestId = `request-${id}`;
    this.request = request;
    this.choice = choice;
    this.scores = scores;
    this.clock = new RequestClock(request.arrivalMs, queuedMs, request.parameters.timeoutMs);
    this.endIds = request.parameters.ignoreEos ? new Set() : endIds;
    this.detokenizer = detokenizer;
    this.ids = new TokenList(request.prompt);
    this.changes = LogitChanges.of(request.parameters, request.prompt, this.endIds);
    this.constraint = request.constraint?.();
    this.stops = new StopMatcher(request.parameters.stop);
    request.signal?.addEventListener("abort", this.onAbort);
    if (request.signal?.aborted) this.cancel();
  }

  get arrivalMs(): number {
    return this.clock.queuedMs;
  }

  get promptTokens(): number {
    return this.request.prompt.length;
  }

  get generatedTokens(): number {
    return this.ids.length + this.unread - this.promptTokens;
  }

  get pendingRows(): number {
    return this.mustWait() ? 0 : this.ids.length + this.unread - this.computedTokens;
  }

  /** Tokens that the cache may be asked for; undefined: every row of the prompt is needed. */
  get cacheable(): Int32Array | undefined {
    return this.scores && !this.scores.complete ? undefined : this.ids.first();
  }

  /** Whether its next token can only be drawn after the host has done its part: knows the token before, has asked the constraint. */
  get drawsLater(): boolean {
    return this.constraint !== undefined || (this.unread > 0 && (this.changes?.needsHistory ?? false));
  }

  get usage(): Usage {
    return {
      promptTokens: this.promptTokens,
      cachedTokens: this.cachedTokens ?? 0,
      completionTokens: this.ids.length - this.promptTokens,
    };
  }

  /** Takes the id drawn for it; gives the reason if this ends it. */
  accept(id: number, logprob?: SampledLogprob): FinishReason | undefined {
    this.ids.push(id);
    this.changes?.push(id);
    this.constraint?.accept(id);
    const { minTokens, maxTokens } = this.request.parameters;
    const generated = this.ids.length - this.promptTokens;
    if (this.endIds.has(id) && generated > minTokens) return this.end("stop", "", id, logprob);
    const piece = this.detokenizer.push(id);
    const { text, stopped } = generated > minTokens ? this.stops.push(piece) : { text: piece, stopped: false };
    if (!stopped && generated >= maxTokens) return this.end("length", text, id, logprob);
    this.stream.add(text, id, logprob);
    return stopped ? "stop" : undefined;
  }

  /** Gives out what was held back, after `text`. A stop text that only now is whole still counts. */
  end(reason: FinishReason, text = "", id?: number, logprob?: SampledLogprob): FinishReason {
    const last = this.stops.push(this.detokenizer.flush());
    this.stream.add(text + last.text + this.stops.flush(), id, logprob);
    return last.stopped ? "stop" : reason;
  }

  /** The loop ends it before its next step. */
  cancel(): void {
    this.cancelled = true;
  }

  /** It has ended: its signal is not listened to any more. */
  detach(): void {
    this.ended = true;
    this.request.signal?.removeEventListener("abort", this.onAbort);
  }

  /** There is nothing to compute for it before a step under way is read, or before its leader's prompt is there. */
  private mustWait(): boolean {
    if (this.leader) return true;
    if (this.unread === 0) return false;
    return (
      this.slot === undefined || this.followers.length > 0 || this.generatedTokens >= this.request.parameters.maxTokens
    );
  }
}
