import { activations, attribute, bytes, defineOp, halves, ints, keptValues, optional, weights } from "../define-op.js";
import { DeviceError } from "../errors.js";
import { HostTensor } from "../host-tensor.js";
import { eachProduct } from "./linear.js";
import { checkPart, checkScales, scaled } from "./sparse-values.js";

/**
 * `y = x · Wᵀ + bias`, where a mask says which elements W keeps and W is zero elsewhere: what `linear` gives for W as a matrix, to the bit on `cpu()`.
 *
 * `x` `[rows, in]`, `bias` `[out]` → `[rows, out]`, of the dtype of `x` or `as`. `mask` `[out, ⌈in / 8⌉]`: bit c % 8 of byte ⌊c / 8⌋ says whether column c is kept; bits past the last
 * column are ignored. `values` `[kept]` holds the kept elements row by row, those of row r from `offsets[r]` on (`[out]`), in the order of their columns. If `values` are i8,
 * `scales` `[out, ⌈in / 64⌉]` say what a code counts in each 64 columns.
 * @throws DeviceError (on `read()`) if a row's elements lie outside of `values`.
 */
export const linearSparseMask = defineOp({
  name: "linear.sparseMask",
  args: {
    x: activations("rows", "in"),
    values: keptValues("kept"),
    mask: bytes("out", "packed"),
    offsets: ints("out"),
    scales: optional(halves("out", "scaled")),
    bias: optional(weights("out")),
    as: attribute.dtype,
  },
  outputs: ({ x, values, mask, scales, as = x.dtype }) => {
    const [rows, columns] = x.shape as [number, number];
    const out = mask.shape[0]!;
    checkPart(
      "linear.sparseMask",
      "mask",
      mask,
      [out, Math.ceil(columns / 8)],
      `a bit for each of ${columns} columns of x`,
    );
    checkScales("linear.sparseMask", values, scales, [out, columns]);
    return [{ shape: [rows, out], dtype: as }];
  },
  reference({ x, bias, ...parts }, [y]) {
    eachProduct(x, expandMask(parts, x.size(1)), bias, (row, out, sum) => y.set(sum, row, out));
  },
  bound({ x, bias, ...parts }, [limit]) {
    eachProduct(x, expandMask(parts, x.size(1)), bias, (row, out, _sum, error) => limit!.set(error, row, out));
  },
});

interface Parts {
  readonly values: HostTensor;
  readonly mask: HostTensor;
  readonly offsets: HostTensor;
  readonly scales?: HostTensor | undefined;
}

/** The matrix that the parts stand for. */
function expandMask({ values, mask, offsets, scales }: Parts, columns: number): HostTensor {
  const matrix = HostTensor.zeros([mask.size(0), columns], "f32");
  const kept = values.size(0);
  for (let row = 0; row < mask.size(0); row++) {
    let next = offsets.at(row);
    const first = next;
    for (let column = 0; column < columns; column++) {
      if (((mask.at(row, column >> 3) >> (column & 7)) & 1) === 0) continue;
      if (first < 0 || next >= kept)
        throw new DeviceError(
          "linear.sparseMask",
          `the elements of row ${row} from ${first} on are not among the ${kept} values`,
        );
      matrix.set(scaled(values.at(next++), scales, row, column), row, column);
    }
  }
  return matrix;
}
