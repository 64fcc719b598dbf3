import { distribution, type Distribution, latencyOf } from "./metrics.js";
import { type Outcome } from "./outcome.js";

/** Limits that a request should keep, in milliseconds. */
export interface Slo {
  readonly ttftMs?: number;
  readonly tpotMs?: number;
}

/** A load in numbers. Latencies are of answered requests alone; failed ones are counted. */
export interface Summary {
  readonly requests: { readonly sent: number; readonly answered: number; readonly failed: number };
  /** Failed requests by kind. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the first intended send to the last end. */
  readonly durationMs: number;
  readonly requestsPerSecond: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly outputTokensPerSecond: number;
  /** Prompts' and answers' together. */
  readonly totalTokensPerSecond: number;
  readonly ttftMs: Distribution | undefined;
  readonly tbtMs: Distribution | undefined;
  readonly tpotMs: Distribution | undefined;
  readonly e2eMs: Distribution | undefined;
  /** How much later than intended the generator sent. Large: this machine, not the server, is the limit. */
  readonly sendLagMs: Distribution | undefined;
  /** Share of the requests sent that were answered within the limits. Undefined without limits. */
  readonly sloAttainment: number | undefined;
}

/** The definitions are in `metrics.ts`. */
export function summarise(outcomes: readonly Outcome[], slo: Slo = {}): Summary {
  const answered = outcomes.filter(({ failure }) => failure === undefined);
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  const latencies = answered.map(latencyOf);
  const beginning = outcomes.reduce((least, { intendedMs }) => Math.min(least, intendedMs), Infinity);
  const end = outcomes.reduce((most, { endMs }) => Math.max(most, endMs), -Infinity);
  const durationMs = Math.max(0, end - beginning);
  const promptTokens = answered.reduce((sum, outcome) => sum + (outcome.promptTokens ?? 0), 0);
  const outputTokens = answered.reduce((sum, outcome) => sum + outcome.outputTokens, 0);
  const perSecond = (count: number) => (durationMs > 0 ? (count / durationMs) * 1000 : 0);
  return {
    requests: { sent: outcomes.length, answered: answered.length, failed: failed.length },
    failures: countBy(failed.map(({ failure }) => failure!.kind)),
    durationMs,
    requestsPerSecond: perSecond(answered.length),
    promptTokens,
    outputTokens,
    outputTokensPerSecond: perSecond(outputTokens),
    totalTokensPerSecond: perSecond(promptTokens + outputTokens),
    ttftMs: distribution(latencies.flatMap(({ ttftMs }) => ttftMs ?? [])),
    tbtMs: distribution(latencies.flatMap(({ gapsMs }) => gapsMs)),
    tpotMs: distribution(latencies.flatMap(({ tpotMs }) => tpotMs ?? [])),
    e2eMs: distribution(latencies.map(({ e2eMs }) => e2eMs)),
    sendLagMs: distribution(outcomes.map(({ sentMs, intendedMs }) => sentMs - intendedMs)),
    sloAttainment: attainment(outcomes, slo),
  };
}

function attainment(outcomes: readonly Outcome[], { ttftMs = Infinity, tpotMs = Infinity }: Slo): number | undefined {
  if (outcomes.length === 0 || (ttftMs === Infinity && tpotMs === Infinity)) return undefined;
  const kept = outcomes.filter((outcome) => {
    if (outcome.failure) return false;
    const latency = latencyOf(outcome);
    return (latency.ttftMs ?? 0) <= ttftMs && (latency.tpotMs ?? 0) <= tpotMs;
  });
  return kept.length / outcomes.length;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
