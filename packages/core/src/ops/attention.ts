import { activations, attribute, defineOp, ints } from "../define-op.js";
import { codecs, type DType } from "../dtypes.js";
import { DeviceError, ShapeError } from "../errors.js";
import { type HostTensor } from "../host-tensor.js";
import { sumBound } from "./bounds.js";

/**
 * Attention over keys that are here, without a cache: `softmax(scale · q · kᵀ) · v` over each row's own range of key rows.
 *
 * `q` `[rows, heads·headDim]`, `k` `[keys, kvHeads·headDim]`, `v` `[keys, kvHeads·valueDim]`, `ranges` `[rows, 2]`: first and past-the-last key row that a
 * query row sees → `[rows, heads·valueDim]`. Ranges say all masks: causal, full, window, cross-attention. Heads share key heads in groups (GQA). An empty range gives zeros.
 * Logits, softmax and sums are f32; with 16-bit activations a device may round the probabilities to their dtype before they meet the values.
 */
export const attention = defineOp({
  name: "attention",
  args: {
    q: activations("rows", "width"),
    k: activations("keys", "keyWidth"),
    v: activations("keys", "valueWidth"),
    ranges: ints("rows", "two"),
    heads: attribute.integer,
    kvHeads: attribute.integer,
    scale: attribute.number,
  },
  outputs: ({ q, k, v, heads, kvHeads }) => {
    checkHeads("attention", { width: q.shape[1]!, keyWidth: k.shape[1]!, valueWidth: v.shape[1]!, heads, kvHeads });
    return [{ shape: [q.shape[0]!, (v.shape[1]! / kvHeads) * heads], dtype: q.dtype }];
  },
  reference({ q, k, v, ranges, heads, kvHeads, scale }, [y]) {
    attendRanges(q, k, v, ranges, { heads, kvHeads, scale }, (row, column, value) => y.set(value, row, column));
  },
  bound({ q, k, v, ranges, heads, kvHeads, scale }, [limit]) {
    attendRanges(q, k, v, ranges, { heads, kvHeads, scale }, (row, column, _value, error) =>
      limit!.set(error, row, column),
    );
  },
});

/** @throws ShapeError if the widths are not whole heads or the heads not whole groups. */
export function checkHeads(
  op: string,
  sizes: { width: number; keyWidth: number; valueWidth: number; heads: number; kvHeads: number },
): void {
  const { width, keyWidth, valueWidth, heads, kvHeads } = sizes;
  const whole = heads > 0 && kvHeads > 0 && heads % kvHeads === 0 && width % heads === 0 && valueWidth % kvHeads === 0;
  if (!whole || keyWidth !== (width / heads) * kvHeads) {
    throw new ShapeError(
      `${op}: ${heads} heads over ${kvHeads} key heads do not fit widths q ${width}, k ${keyWidth}, v ${valueWidth} (k must have kvHeads · q/heads columns)`,
    );
  }
}

function attendRanges(
  q: HostTensor,
  k: HostTensor,
  v: HostTensor,
  ranges: HostTensor,
  { heads, kvHeads, scale }: { heads: number; kvHeads: number; scale: number },
  store: (row: number, column: number, value: number, error: number) => void,
): void {
  for (let row = 0; row < q.size(0); row++) {
    const [from, to] = [ranges.at(row, 0), ranges.at(row, 1)];
    if (from < 0 || to > k.size(0))
      throw new DeviceError("attention", `row ${row} sees keys ${from} to ${to} of ${k.size(0)}`);
    const keys = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    for (let head = 0; head < heads; head++) {
      attendHead({ q, k, v, row, head, heads, kvHeads, scale, keys }, (i, value, error) =>
        store(row, head * (v.size(1) / kvHeads) + i, value, error),
      );
    }
  }
}

/** One head of one row over a list of key rows; also gives the row's error bound. Returns the softmax's maximum and normaliser. */
export function attendHead(
  a: {
    q: HostTensor;
    k: HostTensor;
    v: HostTensor;
    row: number;
    head: number;
    heads: number;
    kvHeads: number;
    scale: number;
    keys: readonly number[];
  },
  store: (i: number, value: number, error: number) => void,
): { max: number; sum: number; logitError: number } {
  const headDim = a.q.size(1) / a.heads;
  const valueDim = a.v.size(1) / a.kvHeads;
  const group = Math.floor(a.head / (a.heads / a.kvHeads));
  let logitError = 0;
  const logits = a.keys.map((key) => {
    let dot = 0;
    let magnitude = 0;
    for (let i = 0; i < headDim; i++) {
      const product = a.q.at(a.row, a.head * headDim + i) * a.k.at(key, group * headDim + i);
      dot += product;
      magnitude += Math.abs(product);
    }
    // The product is summed before it is scaled: either may leave the range of f32, or round to its subnormal numbers.
    const [up, down] = [Math.max(1, Math.abs(a.scale)), Math.min(1, Math.abs(a.scale))];
    logitError = Math.max(logitError, down * sumBound(headDim + 2, up * magnitude) + 2 ** -149);
    return dot * a.scale;
  });
  const max = logits.reduce((m, x) => Math.max(m, x), -Infinity);
  const weights = logits.map((x) => Math.exp(x - max));
  const sum = weights.reduce((total, x) => total + x, 0);
  for (let i = 0; i < valueDim; i++) {
    let value = 0;
    let magnitude = 0;
    let largest = 0;
    a.keys.forEach((key, n) => {
      const element = a.v.at(key, group * valueDim + i);
      const product = (weights[n]! / sum) * element;
      value += product;
      magnitude += Math.abs(product);
      largest = Math.max(largest, Math.abs(element));
    });
    const error =
      probabilityError(a.q.dtype, magnitude, a.keys.length * largest) +
      softmaxError(logitError, magnitude, 2 * largest) +
      16 * codecs.f32.unit * magnitude +
      sumBound(a.keys.length, magnitude);
    // Devices divide last: the sum before that is up to the normaliser larger.
    store(i, value, sumBound(1, sum * magnitude) === Infinity ? Infinity : error);
  }
  return { max, sum: a.keys.length === 0 ? 0 : sum, logitError };
}

/**
 * What it does to Σ wₙ·xₙ that a device may round the wₙ to the dtype of 16-bit activations, as tensor cores take them: u·`magnitude`, and for each probability half a step
 * of the dtype's subnormal numbers, by which `most` = Σ |xₙ| counts. The normaliser sums them unrounded. With f32 activations nothing is rounded.
 */
function probabilityError(dtype: DType, magnitude: number, most: number): number {
  if (dtype === "f32") return 0;
  const { unit, smallestNormal } = codecs[dtype];
  return (1 + 2 * unit) * unit * (magnitude + smallestNormal * most);
}

/**
 * What errors of up to `logitError` in each logit do to Σ wₙ·xₙ of softmax weights: every weight moves by a factor of at most e^(2·error), so by up to
 * `magnitude` = Σ |wₙ·xₙ| times e^(2·error) − 1; and never further than `most`, whatever the weights. Logits that overflow leave no bound.
 */
export function softmaxError(logitError: number, magnitude: number, most: number): number {
  return logitError === Infinity ? Infinity : Math.min(magnitude * Math.expm1(2 * logitError), most);
}
