import { type Part } from "./api.js";

/** Counts tokens, and the time since the first of them. A streamed part is one token, unless the server's final count says otherwise. */
export class Figures {
  private tokens = 0;
  private readonly beganAt = performance.now();
  private firstAt: number | undefined;
  private lastAt = 0;

  constructor(private readonly seed: number) {}

  add({ text, tokens }: Part): void {
    if (text !== "") {
      this.tokens++;
      this.lastAt = performance.now();
      this.firstAt ??= this.lastAt;
    }
    if (tokens !== undefined) this.tokens = tokens;
  }

  text(): string {
    const { firstAt = this.lastAt, lastAt, tokens } = this;
    const seconds = (lastAt - firstAt) / 1000;
    const speed = seconds > 0 ? ` · ${Math.round((tokens - 1) / seconds)} tokens/s` : "";
    const first = this.firstAt === undefined ? "" : ` · first after ${Math.round(firstAt - this.beganAt)} ms`;
    return `${tokens} tokens${speed}${first} · seed ${this.seed}`;
  }
}
