import { activations, attribute, bytes, defineOp, halves, keptValues, optional, weights } from "../define-op.js";
import { HostTensor } from "../host-tensor.js";
import { eachProduct } from "./linear.js";
import { checkPart, checkScales, scaled } from "./sparse-values.js";

/**
 * `y = x · Wᵀ + bias`, where W keeps two elements of each four along a row and is zero elsewhere: what `linear` gives for W as a matrix, to the bit on `cpu()`.
 *
 * `x` `[rows, in]`, `bias` `[out]` → `[rows, out]`, of the dtype of `x` or `as`. With g = ⌈in / 4⌉ groups in a row: `values` `[out, 2g]` holds the kept elements, two a group, and
 * `indices` `[out, ⌈g / 2⌉]` a nibble a group, the even one low: the column of its first element within the group in the lower two bits, that of the second, which is larger, in the
 * upper two. Elements of columns past the last are zeros. If `values` are i8, `scales` `[out, ⌈in / 64⌉]` say what a code counts in each 64 columns.
 */
export const linearSparse24 = defineOp({
  name: "linear.sparse24",
  args: {
    x: activations("rows", "in"),
    values: keptValues("out", "kept"),
    indices: bytes("out", "packed"),
    scales: optional(halves("out", "scaled")),
    bias: optional(weights("out")),
    as: attribute.dtype,
  },
  outputs: ({ x, values, indices, scales, as = x.dtype }) => {
    const [rows, columns] = x.shape as [number, number];
    const out = values.shape[0]!;
    const groups = Math.ceil(columns / 4);
    checkPart("linear.sparse24", "values", values, [out, 2 * groups], `two for each 4 of ${columns} columns of x`);
    checkPart("linear.sparse24", "indices", indices, [out, Math.ceil(groups / 2)], "a nibble for each 4 columns of x");
    checkScales("linear.sparse24", values, scales, [out, columns]);
    return [{ shape: [rows, out], dtype: as }];
  },
  reference({ x, bias, ...parts }, [y]) {
    eachProduct(x, expand24(parts, x.size(1)), bias, (row, out, sum) => y.set(sum, row, out));
  },
  bound({ x, bias, ...parts }, [limit]) {
    eachProduct(x, expand24(parts, x.size(1)), bias, (row, out, _sum, error) => limit!.set(error, row, out));
  },
});

interface Parts {
  readonly values: HostTensor;
  readonly indices: HostTensor;
  readonly scales?: HostTensor | undefined;
}

/** The matrix that the parts stand for. */
function expand24({ values, indices, scales }: Parts, columns: number): HostTensor {
  const matrix = HostTensor.zeros([values.size(0), columns], "f32");
  for (let row = 0; row < values.size(0); row++) {
    for (let i = 0; i < values.size(1); i++) {
      const group = i >> 1;
      const nibble = indices.at(row, group >> 1) >> (4 * (group & 1));
      const column = 4 * group + ((nibble >> (2 * (i & 1))) & 3);
      if (column < columns) matrix.set(scaled(values.at(row, i), scales, row, column), row, column);
    }
  }
  return matrix;
}
