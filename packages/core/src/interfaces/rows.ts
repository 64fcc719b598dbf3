import { type Tensor } from "../tensor.js";

/** Names a sequence within one cache. -1 is nobody: its rows are padding and write nothing. */
export type SequenceId = number;

/** Rows that belong together: consecutive tokens of one sequence. */
export interface Run {
  readonly sequence: SequenceId;
  /** Index of the first row. */
  readonly from: number;
  readonly count: number;
  /** Draft rows: kept only if the step's `commit` accepts them. */
  readonly held: boolean;
}

/** What one forward pass works on. Prompt chunks, decode rows and draft trees are all rows and mix freely. Per-step data is in tensors. */
export interface RowBatch {
  /** `[rows]` i32; a negative id is a padding row. */
  readonly tokens: Tensor;
  /** `[rows]` i32, absolute within the sequence. */
  readonly positions: Tensor;
  readonly runs: readonly Run[];
  /**
   * `[rows, words]` i32: what a held row sees besides the committed rows, as a bit mask over the uncommitted rows of its sequence, in order, itself
   * included. Zeros in every other row: plain rows are always causal. Absent: all rows are.
   */
  readonly ancestors?: Tensor;
  /** `[wanted]` i32: rows whose logits are needed. */
  readonly wanted: Tensor;
}
