import { ArgumentError, type RowBatch, type SequenceId } from "@whittle/core";
import { type CachedSequence } from "./cached-sequence.js";

/** The rows of one sequence in one step. */
export interface SequenceRows {
  readonly sequence: CachedSequence;
  /** Their places in the batch, in the order in which they follow the committed tokens. */
  readonly rows: number[];
  /** How many of them, from the last, are held. */
  held: number;
}

/**
 * Sorts a step's rows by sequence. Rows in no run are padding, as those of sequence -1.
 * @throws ArgumentError if the runs do not fit the batch or each other; nothing has changed.
 */
export function planStep(batch: RowBatch, find: (id: SequenceId) => CachedSequence): SequenceRows[] {
  const count = batch.tokens.shape[0]!;
  const taken = new Uint8Array(count);
  const plan = new Map<SequenceId, SequenceRows>();
  for (const run of batch.runs) {
    if (run.sequence < 0 || run.count === 0) continue;
    const what = `prepare: the run of sequence ${run.sequence} (rows ${run.from} to ${run.from + run.count})`;
    if (!(run.from >= 0 && run.count > 0 && run.from + run.count <= count))
      throw new ArgumentError(`${what} is not within the batch of ${count} rows`);
    let entry = plan.get(run.sequence);
    if (!entry) {
      const sequence = find(run.sequence);
      sequence.assertSettled("prepare");
      plan.set(run.sequence, (entry = { sequence, rows: [], held: 0 }));
    }
    if (entry.held > 0)
      throw new ArgumentError(`${what} comes after held rows; a sequence's held rows are one run, its last`);
    for (let row = run.from; row < run.from + run.count; row++) {
      if (taken[row]) throw new ArgumentError(`${what} shares row ${row} with another run`);
      taken[row] = 1;
      entry.rows.push(row);
    }
    if (run.held) entry.held = run.count;
  }
  return [...plan.values()];
}

/**
 * The places, among a sequence's uncommitted rows, of those that stay: all plain ones and the accepted held ones.
 * @throws ArgumentError if `accepted` is not a rising list of held rows.
 */
export function keptRows({ sequence, rows, held }: SequenceRows, accepted: Int32Array | undefined): number[] {
  const plain = rows.length - held;
  const kept = Array.from({ length: plain }, (_, i) => i);
  let last = -1;
  for (const index of accepted ?? []) {
    if (!(index > last && index < held)) {
      throw new ArgumentError(
        `commit: accepted rows of sequence ${sequence.id} must rise from 0 and stay below ${held}, but are [${accepted!.join(", ")}]`,
      );
    }
    last = index;
    kept.push(plain + index);
  }
  return kept;
}
