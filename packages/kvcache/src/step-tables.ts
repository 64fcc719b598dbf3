import { type SequenceRows } from "./step-plan.js";
import { powerOfTwoFrom, type StepSlot, type StepSlots, type StepViews } from "./step-slots.js";

/** A step's inputs to the paged ops, and the slot that they are in. */
export interface StepTables extends StepViews {
  readonly slot: StepSlot;
}

/**
 * Writes a step's tables, after its sequences were extended: one copy to the device. Sizes of the block table are rounded up to powers of two, so that few
 * shapes exist. With `masked`, held rows see the committed tokens and what their mask says; all others see what comes before them.
 */
export function writeTables(
  plan: readonly SequenceRows[],
  batchRows: number,
  masked: boolean,
  lent: StepSlots,
): StepTables {
  const sequences = powerOfTwoFrom(plan.length);
  const blocksPerSequence = powerOfTwoFrom(
    plan.reduce((most, { sequence }) => Math.max(most, sequence.blocks.length), 0),
  );
  const total = 3 * batchRows + sequences * blocksPerSequence;
  const slot = lent.take(total);
  const content = slot.host.fill(-1, 0, total);
  plan.forEach(({ sequence, rows, held }, table) => {
    rows.forEach((row, i) => {
      const draft = masked && i >= rows.length - held;
      content[row] = sequence.slotOf(sequence.length + i);
      content[batchRows + 2 * row] = table;
      content[batchRows + 2 * row + 1] = sequence.length + (draft ? 0 : i + 1);
    });
    content.set(sequence.blocks, 3 * batchRows + table * blocksPerSequence);
  });
  slot.slot.write(content.subarray(0, total));
  const { slots, rows, tables } = slot.views({ batchRows, sequences, blocksPerSequence });
  return { slots, rows, tables, slot };
}
