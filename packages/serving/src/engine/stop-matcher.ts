/** Finds stop texts in a stream of text, also across the borders of its parts, and holds back what could begin one. */
export class StopMatcher {
  private held = "";

  constructor(private readonly stops: readonly string[]) {}

  /** Text that is certain by now; `stopped` once a stop text has come, of which nothing is given. */
  push(text: string): { text: string; stopped: boolean } {
    const all = this.held + text;
    let first = -1;
    for (const stop of this.stops) {
      const at = all.indexOf(stop);
      if (at >= 0 && (first < 0 || at < first)) first = at;
    }
    if (first >= 0) {
      this.held = "";
      return { text: all.slice(0, first), stopped: true };
    }
    const keep = Math.max(0, ...this.stops.map((stop) => beginningAtEnd(all, stop)));
    this.held = all.slice(all.length - keep);
    return { text: all.slice(0, all.length - keep), stopped: false };
  }

  /** The answer ended otherwise: what was held back is part of it. */
  flush(): string {
    const text = this.held;
    this.held = "";
    return text;
  }
}

/** Length of the longest end of `text` that is a proper beginning of `stop`. */
function beginningAtEnd(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
