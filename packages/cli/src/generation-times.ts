import { type RequestEvent } from "@whittle/serving";
import { plural } from "./plural.js";

/** How fast one request was, from the engine's own events. */
export class GenerationTimes {
  private promptTokens = 0;
  private queuedMs = 0;
  private firstTokenMs: number | undefined;
  private finishedMs: number | undefined;
  private completionTokens = 0;

  readonly listener = (event: RequestEvent): void => {
    if (event.type === "queued") {
      this.promptTokens = event.promptTokens;
      this.queuedMs = event.timeMs;
    } else if (event.type === "firstToken") {
      this.firstTokenMs = event.timeMs;
    } else if (event.type === "finished") {
      this.finishedMs = event.timeMs;
      this.completionTokens = event.completionTokens;
    }
  };

  /** Lines for people. The first token counts as the prompt's: it comes out of the same step. Nothing where nothing was generated. */
  report(): string[] {
    if (this.firstTokenMs === undefined || this.finishedMs === undefined) return [];
    const lines = [rate("prompt", this.promptTokens, this.firstTokenMs - this.queuedMs)];
    if (this.completionTokens > 1)
      lines.push(rate("text", this.completionTokens - 1, this.finishedMs - this.firstTokenMs));
    return lines;
  }
}

function rate(what: string, tokens: number, milliseconds: number): string {
  const perSecond = (tokens / milliseconds) * 1000;
  return `${what}: ${plural(tokens, "token")} in ${(milliseconds / 1000).toFixed(2)} s, ${perSecond.toFixed(1)} tokens/s`;
}
