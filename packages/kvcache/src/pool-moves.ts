import { type LayerPool } from "./layer-pool.js";
import { moveRows } from "./ops/index.js";
import { matrixIn, type StepSlot } from "./step-slots.js";

/** Copies rows within every pool, from place to place, one after another; the pairs travel in `slot`. */
export function movePoolRows(
  pools: readonly LayerPool[],
  { slot }: StepSlot,
  moves: readonly (readonly [from: number, to: number])[],
): void {
  slot.write(moves.flat());
  const view = matrixIn(slot.tensor, 0, moves.length, 2);
  for (const { keys, values } of pools) {
    moveRows({ x: keys, moves: view });
    moveRows({ x: values, moves: view });
  }
  view.dispose();
}
