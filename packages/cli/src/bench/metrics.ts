import { type Outcome } from "./outcome.js";

/** Latencies of one answered request, in milliseconds. */
export interface RequestLatency {
  /** First token − intended send. Undefined for an answer without text. */
  readonly ttftMs: number | undefined;
  /** Gaps between parts of the answer that follow each other (TBT, also called ITL). A server that sends several tokens in one part has fewer, larger gaps. */
  readonly gapsMs: readonly number[];
  /** (last token − first token) / (output tokens − 1). Undefined for fewer than two tokens. */
  readonly tpotMs: number | undefined;
  /** End of the answer − intended send. */
  readonly e2eMs: number;
}

export function latencyOf({ intendedMs, tokenMs, outputTokens, endMs }: Outcome): RequestLatency {
  const [first] = tokenMs;
  const last = tokenMs.at(-1);
  return {
    ttftMs: first === undefined ? undefined : first - intendedMs,
    gapsMs: tokenMs.slice(1).map((time, index) => time - tokenMs[index]!),
    tpotMs: outputTokens > 1 && tokenMs.length > 1 ? (last! - first!) / (outputTokens - 1) : undefined,
    e2eMs: endMs - intendedMs,
  };
}

export interface Distribution {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Undefined for no values. Percentiles interpolate between the two values around them, as NumPy's do. */
export function distribution(values: readonly number[]): Distribution | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below]! + (sorted[above]! - sorted[below]!) * (place - below);
  };
  return {
    count: sorted.length,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    min: sorted[0]!,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: sorted.at(-1)!,
  };
}
