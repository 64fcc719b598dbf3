import {
  ArgumentError,
  type AttentionShape,
  type CacheStep,
  type RowBatch,
  type SequenceId,
  type Tensor,
} from "@whittle/core";
import { type LayerPool } from "./layer-pool.js";
import { appendKvPaged, attendPartPaged } from "./ops/index.js";
import { movePoolRows } from "./pool-moves.js";
import { keptRows, type SequenceRows } from "./step-plan.js";
import { type StepSlots } from "./step-slots.js";
import { type StepTables } from "./step-tables.js";

/** What the steps of one cache share. */
export interface FloatPools {
  readonly layers: readonly AttentionShape[];
  readonly pools: readonly LayerPool[];
  readonly blockSize: number;
  readonly lent: StepSlots;
}

/** One step on the float cache. */
export class FloatStep implements CacheStep {
  private state: "open" | "committed" | "discarded" = "open";
  /** Where each sequence is cut back to if the step is discarded after its commit. */
  private readonly undoLengths: readonly number[];

  constructor(
    private readonly cache: FloatPools,
    private readonly plan: readonly SequenceRows[],
    private readonly tables: StepTables,
    private readonly ancestors: RowBatch["ancestors"],
  ) {
    this.undoLengths = plan.map(({ sequence }) => sequence.undoLength);
  }

  get inputs(): readonly Tensor[] {
    const { slots, rows, tables } = this.tables;
    return this.ancestors ? [slots, rows, tables, this.ancestors] : [slots, rows, tables];
  }

  attend(layer: number, q: Tensor, k: Tensor, v: Tensor): Tensor {
    this.assertOpen("attend");
    const { heads, kvHeads, headDim, scale = 1 / Math.sqrt(headDim) } = this.cache.layers[layer]!;
    const { keys, values } = this.cache.pools[layer]!;
    const { slots, rows, tables } = this.tables;
    appendKvPaged({ k, v, keys, values, slots });
    const [out, stats] = attendPartPaged({
      q,
      keys,
      values,
      tables,
      rows,
      ancestors: this.ancestors,
      heads,
      kvHeads,
      blockSize: this.cache.blockSize,
      scale,
    });
    stats.dispose();
    return out;
  }

  commit(accepted?: ReadonlyMap<SequenceId, Int32Array>): void {
    this.assertOpen("commit");
    for (const id of accepted?.keys() ?? []) {
      if (!this.plan.some(({ sequence }) => sequence.id === id))
        throw new ArgumentError(`commit: sequence ${id} has no rows in this step`);
    }
    const kept = this.plan.map((entry) => keptRows(entry, accepted?.get(entry.sequence.id)));
    this.closeUp(kept);
    this.state = "committed";
    this.plan.forEach(({ sequence }, i) => sequence.settle(sequence.length + kept[i]!.length));
    this.cache.lent.give(this.tables.slot);
  }

  discard(): void {
    if (this.state === "discarded") throw new ArgumentError("discard: the step was already discarded");
    const { state } = this;
    if (state === "committed") for (const { sequence } of this.plan) sequence.assertSettled("discard");
    else this.cache.lent.give(this.tables.slot);
    this.state = "discarded";
    this.plan.forEach(({ sequence }, i) => {
      if (state === "committed") sequence.recall(this.undoLengths[i]!);
      else sequence.revert();
    });
    const pools = this.cache.pools.flatMap(({ keys, values }) => [keys, values]).filter((pool) => !pool.disposed);
    if (pools.length > 0) pools[0]!.device.heal(pools);
  }

  /** Moves the kept rows together where dropped ones leave gaps. What the slot held is no longer needed: every op that reads it is recorded. */
  private closeUp(kept: readonly number[][]): void {
    const moves = this.plan.flatMap(({ sequence }, i) =>
      kept[i]!.flatMap((from, to): [number, number][] =>
        from === to ? [] : [[sequence.slotOf(sequence.length + from), sequence.slotOf(sequence.length + to)]],
      ),
    );
    if (moves.length > 0) movePoolRows(this.cache.pools, this.tables.slot, moves);
  }

  private assertOpen(what: string): void {
    if (this.state !== "open") throw new ArgumentError(`${what}: the step was already ${this.state}`);
  }
}
