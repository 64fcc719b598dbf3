import { type ActivationDType } from "../dtypes.js";
import { linear } from "../ops/linear.js";
import { linearQ8 } from "../ops/linear-q8.js";
import { type RowBatch } from "../interfaces/rows.js";
import { type Taps } from "../interfaces/causal-lm.js";
import { isTensor, type Tensor } from "../tensor.js";
import { type LinearWeight } from "../weights/weight.js";

/** A named linear layer. Its weight and bias may be replaced (pruning, quantisation); every call gets the rows, so that per-row adapters can reach it. */
export class Linear {
  /** Whether activations are rounded to 8 bits, by `linearQ8`: for f32 activations and a weight in blocks, on a device that has this op. */
  int8Activations = false;

  constructor(
    /** Where it stands in the model: `layers.3.mlp.down`. */
    readonly site: string,
    /** `[out, in]` */
    public weight: LinearWeight,
    /** `[out]` */
    public bias?: Tensor,
  ) {}

  /** `[rows, in]` → `[rows, out]` */
  apply(x: Tensor, _rows: RowBatch, taps?: Taps): Tensor {
    taps?.input?.(this.site, x);
    return this.product(x);
  }

  /** The product alone: `[rows, in]` → `[rows, out]`, of the dtype of `x` or `as`. */
  product(x: Tensor, as?: ActivationDType): Tensor {
    const { weight, bias } = this;
    if (!isTensor(weight)) return weight.format.product(x, weight, bias, as);
    return this.int8Activations ? linearQ8({ x, weight, bias }) : linear({ x, weight, bias, as });
  }
}
