import { type ScheduledRequest, type ScheduledStep, type SchedulerState, type StepBudget } from "@whittle/core";

/** Builds a step within its budgets. Policies say in which order requests are asked; this says what there is room for. */
export class StepPlan implements ScheduledStep {
  private readonly taken = new Map<number, number>();
  private readonly victims = new Set<number>();
  /** Requests that hold blocks, in order of arrival. */
  private readonly holders: ScheduledRequest[];
  private readonly budget: StepBudget;
  private unclaimed: number;
  private freeBlocks: number;

  constructor(state: SchedulerState) {
    this.holders = [...state.running];
    this.budget = state.budget;
    this.unclaimed = state.budget.rows;
    this.freeBlocks = state.budget.blocks.free;
  }

  get rows(): { id: number; rows: number }[] {
    return [...this.taken].map(([id, rows]) => ({ id, rows }));
  }

  get preempt(): number[] {
    return [...this.victims];
  }

  /** Rows that nobody has yet. */
  get rowsLeft(): number {
    return this.unclaimed;
  }

  /**
   * Gives a running (or just admitted) request `atMost` more of its pending rows (default: all), or as many as the step has room for. Where blocks are short, younger
   * requests are preempted, the youngest first; so the oldest always moves on. False: nothing could be given.
   */
  advance(request: ScheduledRequest, atMost = Infinity): boolean {
    if (this.victims.has(request.id)) return false;
    const had = this.taken.get(request.id) ?? 0;
    let rows = Math.min(atMost, request.pendingRows - had, this.unclaimed);
    while (rows > 0 && this.blocksMissing(request, rows) > this.freeBlocks) {
      const youngest = this.holders.at(-1)!;
      if (youngest.id === request.id) {
        const room = (request.blocks + this.blocksTaken(request) + this.freeBlocks) * this.budget.blockRows;
        rows = Math.min(rows, room - request.computedTokens - had);
        break;
      }
      this.evict(youngest);
    }
    return this.take(request, rows);
  }

  /**
   * Admits a waiting request with `atMost` rows (default: all that are pending), if there is room for all of it: a place, the blocks of its whole prompt beside what
   * admitted prompts still need, and a spare block for each request that runs, so that the admission is not undone at once. Admits nobody in a step that preempts.
   */
  admit(request: ScheduledRequest, atMost = Infinity): boolean {
    if (this.victims.size > 0 || this.holders.length >= this.budget.sequences) return false;
    const owed = this.holders.reduce(
      (sum, holder) => sum + this.blocksFor(holder, holder.pendingRows) - this.blocksTaken(holder),
      0,
    );
    if (this.blocksFor(request, request.pendingRows) + owed + this.holders.length > this.freeBlocks) return false;
    if (!this.take(request, Math.min(atMost, request.pendingRows, this.unclaimed))) return false;
    this.holders.push(request);
    return true;
  }

  private take(request: ScheduledRequest, rows: number): boolean {
    if (rows <= 0) return false;
    this.freeBlocks -= this.blocksMissing(request, rows);
    this.taken.set(request.id, (this.taken.get(request.id) ?? 0) + rows);
    this.unclaimed -= rows;
    return true;
  }

  private evict(request: ScheduledRequest): void {
    this.holders.splice(this.holders.indexOf(request), 1);
    this.victims.add(request.id);
    this.freeBlocks += request.blocks + this.blocksTaken(request);
    this.unclaimed += this.taken.get(request.id) ?? 0;
    this.taken.delete(request.id);
  }

  /** Blocks that so many rows take beyond those that the step has given it. */
  private blocksMissing(request: ScheduledRequest, rows: number): number {
    const had = this.taken.get(request.id) ?? 0;
    return this.blocksFor(request, had + rows) - this.blocksFor(request, had);
  }

  private blocksTaken(request: ScheduledRequest): number {
    return this.blocksFor(request, this.taken.get(request.id) ?? 0);
  }

  /** Blocks that it must take for so many more rows. */
  private blocksFor(request: ScheduledRequest, rows: number): number {
    return Math.max(0, Math.ceil((request.computedTokens + rows) / this.budget.blockRows) - request.blocks);
  }
}
