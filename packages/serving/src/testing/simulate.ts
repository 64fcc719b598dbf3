import { type ScheduledRequest, type SchedulerPolicy, type SchedulerState } from "@whittle/core";

export interface SimulatedRequest {
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

export interface SimulatedLimits {
  readonly rows: number;
  readonly sequences: number;
  readonly blocks: number;
  readonly blockRows: number;
}

export interface SimulatedOutcome {
  readonly firstTokenMs: number[];
  readonly finishedMs: number[];
  /** Steps between two tokens of one request, at most, while it ran undisturbed. */
  readonly longestGap: number;
  readonly preemptions: number;
  readonly steps: number;
}

interface Simulated {
  id: number;
  arrivalMs: number;
  promptTokens: number;
  generatedTokens: number;
  computedTokens: number;
  blocks: number;
  lastStep: number;
}

/**
 * Runs a policy on a virtual clock, without engine, model or cache: a step takes 1 ms and 0.01 ms a row. Throws when a plan exceeds a budget, names a
 * request that does not exist, or plans nothing while there is work.
 */
export function simulate(
  policy: SchedulerPolicy,
  requests: readonly SimulatedRequest[],
  limits: SimulatedLimits,
): SimulatedOutcome {
  const firstTokenMs: number[] = [];
  const finishedMs: number[] = [];
  let [running, waiting]: [Simulated[], Simulated[]] = [[], []];
  let [nowMs, steps, preemptions, longestGap] = [0, 0, 0, 0];
  const arriving = requests.map(({ arrivalMs, promptTokens }, id) => ({
    id,
    arrivalMs,
    promptTokens,
    generatedTokens: 0,
    computedTokens: 0,
    blocks: 0,
    lastStep: 0,
  }));
  arriving.sort((a, b) => a.arrivalMs - b.arrivalMs || a.id - b.id);

  while (running.length + waiting.length + arriving.length > 0) {
    if (running.length + waiting.length === 0) nowMs = Math.max(nowMs, arriving[0]!.arrivalMs);
    while (arriving.length > 0 && arriving[0]!.arrivalMs <= nowMs) waiting.push(arriving.shift()!);
    const free = limits.blocks - running.reduce((sum, { blocks }) => sum + blocks, 0);
    const { rows, preempt } = policy.plan(freeze({ nowMs, running, waiting, free, limits }));
    for (const id of preempt) {
      const victim = running.find((request) => request.id === id);
      if (!victim) throw new Error(`preempts ${id}, which does not run`);
      Object.assign(victim, { computedTokens: 0, blocks: 0 });
      running = running.filter((request) => request !== victim);
      waiting = inOrder([...waiting, victim]);
      preemptions++;
    }
    if (rows.length === 0) throw new Error(`plans nothing at step ${steps}`);
    let total = 0;
    for (const part of rows) {
      const request = [...running, ...waiting].find(({ id }) => id === part.id);
      if (!request) throw new Error(`plans rows of ${part.id}, which does not exist`);
      const pending = request.promptTokens + request.generatedTokens - request.computedTokens;
      if (!(part.rows >= 1 && part.rows <= pending)) throw new Error(`plans ${part.rows} of ${pending} pending rows`);
      if (waiting.includes(request)) {
        waiting = waiting.filter((other) => other !== request);
        running = inOrder([...running, request]);
      }
      total += part.rows;
      request.computedTokens += part.rows;
      request.blocks = Math.ceil(request.computedTokens / limits.blockRows);
    }
    const used = running.reduce((sum, { blocks }) => sum + blocks, 0);
    if (total > limits.rows || running.length > limits.sequences || used > limits.blocks) {
      throw new Error(`exceeds its budgets: ${total} rows, ${running.length} sequences, ${used} blocks`);
    }
    steps++;
    nowMs += 1 + total * 0.01;
    for (const request of running) {
      if (request.computedTokens < request.promptTokens + request.generatedTokens) continue;
      request.generatedTokens++;
      firstTokenMs[request.id] ??= nowMs;
      if (request.generatedTokens > 1) longestGap = Math.max(longestGap, steps - request.lastStep);
      request.lastStep = steps;
      if (request.generatedTokens < requests[request.id]!.outputTokens) continue;
      finishedMs[request.id] = nowMs;
      running = running.filter((other) => other !== request);
    }
  }
  return { firstTokenMs, finishedMs, longestGap, preemptions, steps };
}

function inOrder(requests: Simulated[]): Simulated[] {
  return requests.sort((a, b) => a.arrivalMs - b.arrivalMs || a.id - b.id);
}

/** A policy must not change what it sees. */
function freeze(s: {
  nowMs: number;
  running: Simulated[];
  waiting: Simulated[];
  free: number;
  limits: SimulatedLimits;
}): SchedulerState {
  const view = ({ lastStep: _lastStep, ...request }: Simulated): ScheduledRequest =>
    Object.freeze({ ...request, pendingRows: request.promptTokens + request.generatedTokens - request.computedTokens });
  const { rows, sequences, blocks, blockRows } = s.limits;
  return Object.freeze({
    nowMs: s.nowMs,
    running: Object.freeze(s.running.map(view)),
    waiting: Object.freeze(s.waiting.map(view)),
    budget: Object.freeze({ rows, sequences, blocks: Object.freeze({ free: s.free, total: blocks }), blockRows }),
  });
}
