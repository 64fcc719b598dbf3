import { type KVCache, type ScheduledStep, type SchedulerPolicy, type StepBudget } from "@whittle/core";
import { firstComeFirstServed } from "../policies/first-come-first-served.js";
import { type Sequence } from "./sequence.js";

/** A sequence's part in a step: its next `rows` tokens that the cache does not hold yet. */
export interface PlannedRun {
  readonly sequence: Sequence;
  readonly rows: number;
  /** Blocks that the rows take. */
  readonly blocks: number;
}

export interface SchedulerHooks {
  onScheduled(sequence: Sequence): void;
  onPreempted(sequence: Sequence): void;
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
    private readonly limits: { rows: number; sequences: number; blockRows: number },
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
    this.byId.delete(sequence.id);
    for (const list of [this.running, this.waiting]) {
      const at = list.indexOf(sequence);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /** The next step; admits and preempts. Empty only if nothing fits even with everyone else preempted. */
  plan(nowMs: number): PlannedRun[] {
    const suspect = this.oldest((sequence) => sequence.failures > 0);
    if (suspect) return this.planAlone(suspect);
    const planned = this.apply(this.ask(this.policy, nowMs));
    if (planned.length > 0) return planned;
    // A policy that has no plan while there is work must not stop the engine.
    const usual = this.apply(this.ask(firstComeFirstServed, nowMs));
    return usual.length > 0 ? usual : this.planAlone(this.oldest()!);
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
    let blocksLeft = this.cache.capacity().free;
    for (const wish of rows) {
      const sequence = this.byId.get(wish.id);
      if (!sequence || taken.has(wish.id) || rowsLeft === 0 || !this.admit(sequence)) continue;
      const count = Math.min(Math.max(1, Math.trunc(wish.rows) || 1), sequence.pendingRows, rowsLeft);
      const blocks = this.cache.cost(sequence.slot, count);
      if (blocks > blocksLeft) continue;
      taken.add(wish.id);
      rowsLeft -= count;
      blocksLeft -= blocks;
      planned.push({ sequence, rows: count, blocks });
    }
    return planned;
  }

  /** A step of one sequence, for whose sake any other is preempted, the youngest first. */
  private planAlone(sequence: Sequence): PlannedRun[] {
    const others = this.running.filter((other) => other !== sequence);
    while (!this.admit(sequence)) this.preempt(others.pop()!);
    const rows = Math.min(sequence.pendingRows, this.limits.rows);
    const blocks = this.cache.cost(sequence.slot, rows);
    while (blocks > this.cache.capacity().free) {
      const youngest = others.pop();
      if (!youngest) return [];
      this.preempt(youngest);
    }
    return [{ sequence, rows, blocks }];
  }

  /** Opens its sequence in the cache, if it has none; false if as many run as may. */
  private admit(sequence: Sequence): boolean {
    if (sequence.slot !== undefined) return true;
    if (this.running.length >= this.limits.sequences) return false;
    const { sequence: slot, cached } = this.cache.open(Int32Array.from(sequence.ids));
    sequence.slot = slot;
    sequence.computedTokens = cached;
    sequence.blocks = cached === 0 ? 0 : this.cache.cost(undefined, cached);
    sequence.cachedTokens ??= cached;
    move(sequence, this.waiting, this.running);
    this.hooks.onScheduled(sequence);
    return true;
  }

  private preempt(sequence: Sequence): void {
    this.release(sequence);
    move(sequence, this.running, this.waiting);
    this.hooks.onPreempted(sequence);
  }

  private release(sequence: Sequence): void {
    if (sequence.slot === undefined) return;
    this.cache.close(sequence.slot);
    sequence.slot = undefined;
    sequence.computedTokens = 0;
    sequence.blocks = 0;
  }
}

/** Keeps the order of arrival. */
function move(sequence: Sequence, from: Sequence[], to: Sequence[]): void {
  from.splice(from.indexOf(sequence), 1);
  const after = to.findIndex((other) => other.id > sequence.id);
  to.splice(after < 0 ? to.length : after, 0, sequence);
}
