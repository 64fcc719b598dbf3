import { linear } from "../ops/linear.js";
import { type RowBatch } from "../interfaces/rows.js";
import { type Taps } from "../interfaces/causal-lm.js";
import { type Tensor } from "../tensor.js";

/** A named linear layer. Its weight and bias may be replaced (pruning, quantisation); every call gets the rows, so that per-row adapters can reach it. */
export class Linear {
  constructor(
    /** Where it stands in the model: `layers.3.mlp.down`. */
    readonly site: string,
    /** `[out, in]` */
    public weight: Tensor,
    /** `[out]` */
    public bias?: Tensor,
  ) {}

  /** `[rows, in]` → `[rows, out]` */
  apply(x: Tensor, _rows: RowBatch, taps?: Taps): Tensor {
    taps?.input?.(this.site, x);
    return linear({ x, weight: this.weight, bias: this.bias });
  }
}
