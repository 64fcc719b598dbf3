import { type Tensor } from "./tensor.js";

/**
 * A stretch of ops that was recorded once and runs again and again with other tensors in the places of its inputs: recording it anew would give the same bits.
 * What else its ops use (weights, a cache's pools) is found where it was, with the content that it has by then. Made by `Device.program`.
 */
export interface Program {
  /** Bytes of its intermediates, which are its own from the first run to `dispose`. */
  readonly bytes: number;
  /** Whether tensors may stand in the places of its inputs: as many, of the same shapes, dtypes and strides, and those sharing memory that did. */
  fits(inputs: readonly Tensor[]): boolean;
  /**
   * Runs it, in queue order; gives new tensors, the caller's (or the open scope's), in the places of those that the recorded function gave.
   * @throws ShapeError if the inputs do not fit; DisposedError if anything that its ops use is gone; OutOfMemory
   */
  run(inputs: readonly Tensor[]): Tensor[];
  /** Gives its memory back. Safe to call twice, and while runs of it are still queued. */
  dispose(): void;
}
