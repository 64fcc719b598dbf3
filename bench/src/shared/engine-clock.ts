import { type RequestEvent } from "@whittle/serving";

/** The times of one request after the other, from the engine's events. */
export class EngineClock {
  private queuedMs = 0;
  private firstTokenMs = 0;
  /** Milliseconds from a request to its first token, in order of the requests. */
  readonly prefillMs: number[] = [];
  /** Milliseconds of a token after the first, in order of the requests. */
  readonly decodeMs: number[] = [];

  readonly listener = (event: RequestEvent): void => {
    if (event.type === "queued") this.queuedMs = event.timeMs;
    else if (event.type === "firstToken") this.firstTokenMs = event.timeMs;
    else if (event.type === "finished") {
      if (event.reason !== "length")
        throw new Error(`a request ended with ${event.reason}, which is not what was timed`);
      this.prefillMs.push(this.firstTokenMs - this.queuedMs);
      this.decodeMs.push((event.timeMs - this.firstTokenMs) / (event.completionTokens - 1));
    }
  };
}
