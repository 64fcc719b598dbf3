import {
  type KVCache,
  type ScheduledStep,
  type SchedulerPolicy,
  type SequenceId,
  type StepBudget,
} from "@whittle/core";
import { firstComeFirstServed } from "../policies/first-come-first-served.js";
import { type Sequence } from "./sequence.js";

/** A sequence's part in a step: its next tokens that the cache does not hold yet. */
export interface PlannedRun {
  readonly sequence: Sequence;
  /** The name in the cache under which the rows are stored. */
  readonly slot: SequenceId;
  /** Positions, the last one excluded. */
  readonly from: number;
  readonly to: number;
  /** Whether the rows are the last that are known, so that a token is drawn after them. */
  readonly draws: boolean;
}

export interface SchedulerHooks {
  onScheduled(sequence: Sequence): void;
  onPreempted(sequence: Sequence): void;
}

export interface SchedulerLimits {
  readonly rows: number;
  readonly sequences: number;
  readonly blockRows: number;
}

/** Knows who runs and who waits, asks the policy what to do, and keeps to the budgets whatever it answers. */
export class Scheduler {
  /** Both in order of arrival. */
  private readonly running: Sequence[] = [];
  private readonly waiting: Sequence[] = [];
  private readonly byId = new Map<number, Sequence>();

  constructor(
    private readonly cache: KVCache,
    private readonly policy: SchedulerPolicy,
    private readonly limits: SchedulerLimits,
    private readonly hooks: SchedulerHooks,
  ) {}

  get runningCount(): number {
    return this.running.length;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  get all(): Sequence[] {
    return [...this.running, ...this.waiting];
  }

  add(sequence: Sequence): void {
    this.waiting.push(sequence);
    this.byId.set(sequence.id, sequence);
  }

  /** Takes a sequence out and frees its blocks. */
  remove(sequence: Sequence): void {
    this.release(sequence);
    if (sequence.leader) sequence.leader.followers = sequence.leader.followers.filter((other) => other !== sequence);
    this.byId.delete(sequence.id);
    for (const list of [this.running, this.waiting]) {
      const at = list.indexOf(sequence);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /**
   * The next step; admits and preempts. Empty if there is nothing to do before the step `underWay` is read; without one, only if nothing fits even
   * with everyone else preempted.
   */
  plan(nowMs: number, underWay: boolean): PlannedRun[] {
    const suspect = this.oldest((sequence) => sequence.failures > 0);
    // Who is tried alone must be known to be sound before anything is built on it.
    if (suspect) return underWay ? [] : this.planAlone(suspect);
    const planned = this.apply(this.ask(this.policy, nowMs));
    if (planned.length > 0 || underWay) return planned;
    // A policy that has no plan while there is work must not stop the engine.
    const usual = this.apply(this.ask(firstComeFirstServed, nowMs));
    return usual.length > 0 ? usual : this.planAlone(this.oldest((sequence) => sequence.pendingRows > 0)!);
  }

  /** The oldest of those that are meant (default: all), running or waiting. */
  oldest(meant: (sequence: Sequence) => boolean = () => true): Sequence | undefined {
    const [running, waiting] = [this.running.find(meant), this.waiting.find(meant)];
    return !waiting || (running && running.id < waiting.id) ? running : waiting;
  }

  /** Gives the blocks of the youngest running sequence back; false if there is but one. */
  preemptYoungest(): boolean {
    if (this.running.length < 2) return false;
    this.preempt(this.running.at(-1)!);
    return true;
  }

  /** The run's rows are recorded, and so are in the cache as far as later steps are concerned. */
  advance({ sequence, to, draws }: PlannedRun): void {
    sequence.computedTokens = to;
    sequence.blocks = this.blocksOf(to);
    if (draws) sequence.unread++;
  }

  /** Steps under way were discarded: the sequence stands where the cache says, which may be before them. */
  restore(sequence: Sequence): void {
    sequence.unread = 0;
    if (sequence.slot === undefined) return;
    sequence.computedTokens = this.cache.length(sequence.slot);
    sequence.settledTokens = Math.min(sequence.settledTokens, sequence.computedTokens);
    sequence.blocks = this.blocksOf(sequence.computedTokens);
  }

  /** The run's rows were read, so that later prompts may begin with them. */
  settle({ sequence, slot, to }: PlannedRun): void {
    if (sequence.slot !== slot) return;
    const { blockRows } = this.limits;
    const settled = Math.min(to, sequence.computedTokens);
    const more = Math.floor(settled / blockRows) > Math.floor(sequence.settledTokens / blockRows);
    sequence.settledTokens = settled;
    if (more) this.cache.seal(slot, sequence.ids.first(settled));
  }

  /** Once a leader's prompt is computed and read, its followers share its blocks. Who finds no place among the running goes its own way later. */
  shareWithFollowers(leader: Sequence): void {
    // The last row of the prompt is each one's own: from it the token is drawn.
    const shared = leader.promptTokens - 1;
    if (leader.followers.length === 0 || leader.settledTokens < shared) return;
    for (const follower of this.dismissFollowers(leader)) {
      if (this.running.length >= this.limits.sequences) continue;
      follower.slot = this.cache.fork(leader.slot!);
      this.enter(follower, this.cache.truncate(follower.slot, shared));
    }
  }

  private ask(policy: SchedulerPolicy, nowMs: number): ScheduledStep {
    const { rows, sequences, blockRows } = this.limits;
    const budget: StepBudget = { rows, sequences, blocks: this.cache.capacity(), blockRows };
    return policy.plan({ nowMs, running: this.running, waiting: this.waiting, budget });
  }

  private apply({ rows, preempt }: ScheduledStep): PlannedRun[] {
    for (const id of preempt) {
      const victim = this.byId.get(id);
      if (victim?.slot !== undefined) this.preempt(victim);
    }
    const planned: PlannedRun[] = [];
    const taken = new Set<number>();
    let rowsLeft = this.limits.rows;
    let promised = 0;
    for (const wish of rows) {
      const sequence = this.byId.get(wish.id);
      if (!sequence || taken.has(wish.id) || rowsLeft === 0 || sequence.pendingRows === 0) continue;
      if (!this.admit(sequence)) continue;
      const count = Math.min(Math.max(1, Math.trunc(wish.rows) || 1), sequence.pendingRows, rowsLeft);
      const blocks = this.cache.cost(sequence.slot, count);
      if (promised + blocks > this.cache.capacity().free) continue;
      taken.add(wish.id);
      rowsLeft -= count;
      promised += blocks;
      planned.push(runOf(sequence, count));
    }
    return planned;
  }

  /** A step of one sequence, for whose sake any other is preempted, the youngest first. */
  private planAlone(sequence: Sequence): PlannedRun[] {
    const others = this.running.filter((other) => other !== sequence);
    while (!this.admit(sequence)) this.preempt(others.pop()!);
    const rows = Math.min(sequence.pendingRows, this.limits.rows);
    while (this.cache.cost(sequence.slot, rows) > this.cache.capacity().free) {
      const youngest = others.pop();
      if (!youngest) return [];
      this.preempt(youngest);
    }
    return [runOf(sequence, rows)];
  }

  /** Opens its sequence in the cache, if it has none; false if as many run as may. */
  private admit(sequence: Sequence): boolean {
    if (sequence.slot !== undefined) return true;
    if (this.running.length >= this.limits.sequences) return false;
    const { sequence: slot, cached } = this.cache.open(sequence.cacheable, { salt: sequence.request.cacheSalt });
    sequence.slot = slot;
    this.enter(sequence, cached);
    return true;
  }

  /** Its sequence in the cache, with this many tokens, is open. */
  private enter(sequence: Sequence, cached: number): void {
    sequence.computedTokens = cached;
    sequence.settledTokens = cached;
    sequence.blocks = this.blocksOf(cached);
    sequence.cachedTokens ??= cached;
    move(sequence, this.waiting, this.running);
    this.hooks.onScheduled(sequence);
  }

  private preempt(sequence: Sequence): void {
    this.release(sequence);
    move(sequence, this.running, this.waiting);
    this.hooks.onPreempted(sequence);
  }

  private release(sequence: Sequence): void {
    this.dismissFollowers(sequence);
    if (sequence.slot === undefined) return;
    this.cache.close(sequence.slot);
    sequence.slot = undefined;
    sequence.computedTokens = 0;
    sequence.settledTokens = 0;
    sequence.blocks = 0;
  }

  private dismissFollowers(leader: Sequence): Sequence[] {
    const { followers } = leader;
    leader.followers = [];
    for (const follower of followers) follower.leader = undefined;
    return followers;
  }

  private blocksOf(tokens: number): number {
    return Math.ceil(tokens / this.limits.blockRows);
  }
}

function runOf(sequence: Sequence, rows: number): PlannedRun {
  const { slot, computedTokens: from, pendingRows } = sequence;
  return { sequence, slot: slot!, from, to: from + rows, draws: rows === pendingRows };
}

/** Keeps the order of arrival. */
function move(sequence: Sequence, from: Sequence[], to: Sequence[]): void {
  from.splice(from.indexOf(sequence), 1);
  const after = to.findIndex((other) => other.id > sequence.id);
  to.splice(after < 0 ? to.length : after, 0, sequence);
}
