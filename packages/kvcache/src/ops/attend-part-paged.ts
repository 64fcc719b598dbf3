import {
  activations,
  ArgumentError,
  attendHead,
  attribute,
  checkHeads,
  codecs,
  defineOp,
  describe,
  DeviceError,
  ints,
  optional,
  ShapeError,
  softmaxError,
  sumBound,
  weights,
  type HostTensor,
} from "@whittle/core";

/**
 * Attention of each row over what it sees of its sequence in a paged pool, with the statistics that merging with other parts needs.
 *
 * `q` `[rows, heads·headDim]`, `keys` `[slots, kvHeads·headDim]`, `values` `[slots, kvHeads·valueDim]` (one dtype for both), `tables` `[sequences, blocksPerSequence]`:
 * block numbers, block b being the slots `b·blockSize …`. `rows` `[rows, 2]`: which table, and how many leading keys of it are visible; table -1
 * is a padding row. `ancestors` `[rows, words]`: if bit j (of word ⌊j/32⌋, lowest first) is set, key `visible + j` is seen too: the uncommitted rows of a
 * draft tree. → `out` `[rows, heads·valueDim]`, normalised, and `stats` `[rows, heads, 2]`: the largest scaled logit and Σ exp(logit − largest). Heads share key
 * heads in groups (GQA). A row that sees nothing gives zeros and the stats (−∞, 0).
 *
 * What a row sees is one list of keys, and a deterministic device forms its tiles by place in that list, so that a draft row gives the bits that it
 * will give once committed. A table, block or key outside of what there is fails the op; entries of a table that no row reaches may hold anything.
 */
export const attendPartPaged = defineOp({
  name: "attendPart.paged",
  args: {
    q: activations("rows", "width"),
    keys: weights("slots", "keyWidth"),
    values: weights("slots", "valueWidth"),
    tables: ints("sequences", "blocksPerSequence"),
    rows: ints("rows", "two"),
    ancestors: optional(ints("rows", "words")),
    heads: attribute.integer,
    kvHeads: attribute.integer,
    blockSize: attribute.integer,
    scale: attribute.number,
  },
  outputs: ({ q, keys, values, rows, heads, kvHeads, blockSize }) => {
    const valueWidth = values.shape[1]!;
    checkHeads("attendPart.paged", { width: q.shape[1]!, keyWidth: keys.shape[1]!, valueWidth, heads, kvHeads });
    if (keys.dtype !== values.dtype)
      throw new ArgumentError(
        `attendPart.paged: keys and values must have one dtype, but are ${keys.dtype} and ${values.dtype}`,
      );
    if (blockSize < 1 || keys.shape[0]! % blockSize !== 0)
      throw new ShapeError(
        `attendPart.paged: keys must hold whole blocks of ${blockSize} slots, but are ${describe(keys)}`,
      );
    if (rows.shape[1] !== 2)
      throw new ShapeError(`attendPart.paged: rows must be [rows, 2], but are ${describe(rows)}`);
    return [
      { shape: [q.shape[0]!, (valueWidth / kvHeads) * heads], dtype: q.dtype },
      { shape: [q.shape[0]!, heads, 2], dtype: "f32" },
    ];
  },

  reference(args, [out, stats]) {
    attendRows(
      args,
      (row, column, value) => out.set(value, row, column),
      (row, head, { max, sum }) => {
        stats.set(max, row, head, 0);
        stats.set(sum, row, head, 1);
      },
    );
  },

  // An error in the logits moves the maximum by as much; 16u is the exponential's own error.
  bound(args, [outLimit, statsLimit]) {
    attendRows(
      args,
      (row, column, _value, error) => outLimit!.set(error, row, column),
      (row, head, { sum, keys, logitError }) => {
        statsLimit!.set(logitError, row, head, 0);
        statsLimit!.set(
          softmaxError(logitError, sum, keys) + 16 * codecs.f32.unit * sum + sumBound(keys, sum),
          row,
          head,
          1,
        );
      },
    );
  },
});

interface PagedArgs {
  readonly q: HostTensor;
  readonly keys: HostTensor;
  readonly values: HostTensor;
  readonly tables: HostTensor;
  readonly rows: HostTensor;
  readonly ancestors?: HostTensor | undefined;
  readonly heads: number;
  readonly kvHeads: number;
  readonly blockSize: number;
  readonly scale: number;
}

function attendRows(
  args: PagedArgs,
  storeElement: (row: number, column: number, value: number, error: number) => void,
  storeHead: (
    row: number,
    head: number,
    result: { max: number; sum: number; logitError: number; keys: number },
  ) => void,
): void {
  const { q, keys, values, heads, kvHeads, scale } = args;
  const valueDim = values.size(1) / kvHeads;
  for (let row = 0; row < q.size(0); row++) {
    const slots = seenSlots(args, row);
    for (let head = 0; head < heads; head++) {
      const result = attendHead(
        { q, k: keys, v: values, row, head, heads, kvHeads, scale, keys: slots },
        (i, value, error) => storeElement(row, head * valueDim + i, value, error),
      );
      storeHead(row, head, { ...result, keys: slots.length });
    }
  }
}

/** The pool slots of the keys that a row sees, in the order of its sequence. */
function seenSlots({ keys, tables, rows, ancestors, blockSize }: PagedArgs, row: number): number[] {
  const [table, visible] = [rows.at(row, 0), rows.at(row, 1)];
  if (table < 0) return [];
  if (table >= tables.size(0))
    throw new DeviceError("attendPart.paged", `row ${row} uses table ${table} of ${tables.size(0)}`);
  if (visible < 0) throw new DeviceError("attendPart.paged", `row ${row} sees ${visible} keys`);
  const seen = Array.from({ length: visible }, (_, key) => key);
  const bits = ancestors ? ancestors.size(1) * 32 : 0;
  for (let bit = 0; bit < bits; bit++) {
    if ((ancestors!.at(row, bit >> 5) >>> (bit & 31)) & 1) seen.push(visible + bit);
  }
  return seen.map((key) => {
    const entry = Math.floor(key / blockSize);
    if (entry >= tables.size(1))
      throw new DeviceError(
        "attendPart.paged",
        `row ${row} sees key ${key}, but a table holds ${tables.size(1) * blockSize}`,
      );
    const block = tables.at(table, entry);
    if (block < 0 || (block + 1) * blockSize > keys.size(0)) {
      throw new DeviceError("attendPart.paged", `row ${row} sees block ${block} of ${keys.size(0) / blockSize}`);
    }
    return block * blockSize + (key % blockSize);
  });
}
