import { type Linear } from "../layers/linear.js";
import { type Tensor } from "../tensor.js";
import { type AttentionShape, type CacheStep } from "./kv-cache.js";
import { type RowBatch } from "./rows.js";

/** What everyone outside of an architecture's own file may know of a model. */
export interface CausalLMShape {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** Longest sequence the model was made for. */
  readonly maxPositions: number;
  /** One entry a layer, first to last. */
  readonly layers: readonly AttentionShape[];
}

/** Called while recording; costs nothing when absent. `x` is freed after the call: read it at once, or keep what you derive from it with `device.unscoped`. */
export interface Taps {
  /** The hidden state after a layer, `[rows, hidden]`. */
  hidden?(layer: number, x: Tensor): void;
  /** What goes into a named linear layer. */
  input?(site: string, x: Tensor): void;
}

/** A decoder-only language model over rows. It knows nothing of batching, caches, devices or files. */
export interface CausalLM {
  readonly shape: CausalLMShape;
  /** Named sites (`layers.3.mlp.down`), whose weight may be replaced. */
  readonly linears: ReadonlyMap<string, Linear>;
  /** Everything trainable, by the checkpoint's name; tied ones once. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** `[rows]` ids → `[rows, hidden]`. */
  embed(rows: RowBatch): Tensor;
  /** Layers `from` (included) to `to` (excluded). `[rows, hidden]` → `[rows, hidden]`. */
  blocks(x: Tensor, rows: RowBatch, step: CacheStep, from: number, to: number, taps?: Taps): Tensor;
  /** `[rows, hidden]` → logits of the wanted rows, `[wanted, vocab]`. */
  head(x: Tensor, wanted: Tensor): Tensor;
  /** `[rows, hidden]` after the last layer → the states that the head reads, after the final norm, `[rows, hidden]`: what embeddings are made of. */
  finalHidden?(x: Tensor): Tensor;
  /** The three composed. */
  forward(rows: RowBatch, step: CacheStep, taps?: Taps): { logits: Tensor };
}
