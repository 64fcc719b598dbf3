import { type Linear, type RowBatch, type Taps, type Tensor } from "@whittle/core";

/** Layers that a batch goes through. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly taps?: Taps | undefined;
  /** Rows that go on after the last attention, `[kept]` i32. Default: all. */
  readonly kept?: Tensor;
}

/**
 * The rows that have to go on after the last layer's attention: those wanted, where these are fewer than all (of a prompt it is one). Undefined where all have to: taps see every
 * row, and a layer that does more than its product may tell rows apart.
 */
export function keptRows(
  { tokens, wanted }: RowBatch,
  lastLayer: readonly Linear[] | undefined,
  taps: Taps | undefined,
): Tensor | undefined {
  if (taps || wanted.shape[0]! >= tokens.shape[0]!) return undefined;
  return lastLayer?.every((linear) => linear.isPlain) ? wanted : undefined;
}
