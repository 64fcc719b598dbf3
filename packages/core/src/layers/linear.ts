import { type ActivationDType } from "../dtypes.js";
import { linear } from "../ops/linear.js";
import { linearBf16 } from "../ops/linear-bf16.js";
import { linearQ8 } from "../ops/linear-q8.js";
import { type RowBatch } from "../interfaces/rows.js";
import { type Taps } from "../interfaces/causal-lm.js";
import { isTensor, type Tensor } from "../tensor.js";
import { type LinearWeight } from "../weights/weight.js";

/**
 * How a product rounds what comes in: not at all, to 8 bits (`linearQ8`, for weights in blocks) or to bf16 (`linearBf16`, for bf16 weights). The latter two want f32 activations and
 * a device that has the op.
 */
export type ActivationRounding = "none" | "q8" | "bf16";

/** A named linear layer. Its weight and bias may be replaced (pruning, quantisation); every call gets the rows, so that per-row adapters can reach it. */
export class Linear {
  rounding: ActivationRounding = "none";

  constructor(
    /** Where it stands in the model: `layers.3.mlp.down`. */
    readonly site: string,
    /** `[out, in]` */
    public weight: LinearWeight,
    /** `[out]` */
    public bias?: Tensor,
  ) {}

  /** Whether a call computes the product and nothing else: no adapter has taken its place. */
  get isPlain(): boolean {
    return this.apply === Linear.prototype.apply && this.product === Linear.prototype.product;
  }

  /** `[rows, in]` → `[rows, out]` */
  apply(x: Tensor, _rows: RowBatch, taps?: Taps): Tensor {
    taps?.input?.(this.site, x);
    return this.product(x);
  }

  /** The product alone: `[rows, in]` → `[rows, out]`, of the dtype of `x` or `as`. */
  product(x: Tensor, as?: ActivationDType): Tensor {
    const { weight, bias } = this;
    if (!isTensor(weight)) return weight.format.product(x, weight, bias, as);
    switch (this.rounding) {
      case "none":
        return linear({ x, weight, bias, as });
      case "q8":
        return linearQ8({ x, weight, bias });
      case "bf16":
        return linearBf16({ x, weight, bias });
    }
  }
}
