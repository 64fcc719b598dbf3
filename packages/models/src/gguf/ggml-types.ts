import { codecs, type DType } from "@whittle/core";

/** How ggml stores the elements of a tensor: `elements` together, along a row, in `bytes`. */
export interface GgmlType {
  readonly name: GgmlTypeName;
  /** The number that files know it by. */
  readonly id: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Number, elements of a block and its bytes. Source: ggml's `ggml.h` (`enum ggml_type`) and `ggml-common.h`. */
const types = {
  f32: [0, 1, 4],
  f16: [1, 1, 2],
  q4_0: [2, 32, 18],
  q4_1: [3, 32, 20],
  q5_0: [6, 32, 22],
  q5_1: [7, 32, 24],
  q8_0: [8, 32, 34],
  q8_1: [9, 32, 36],
  q2_K: [10, 256, 84],
  q3_K: [11, 256, 110],
  q4_K: [12, 256, 144],
  q5_K: [13, 256, 176],
  q6_K: [14, 256, 210],
  q8_K: [15, 256, 292],
  iq2_xxs: [16, 256, 66],
  iq2_xs: [17, 256, 74],
  iq3_xxs: [18, 256, 98],
  iq1_s: [19, 256, 50],
  iq4_nl: [20, 32, 18],
  iq3_s: [21, 256, 110],
  iq2_s: [22, 256, 82],
  iq4_xs: [23, 256, 136],
  i8: [24, 1, 1],
  i16: [25, 1, 2],
  i32: [26, 1, 4],
  i64: [27, 1, 8],
  f64: [28, 1, 8],
  iq1_m: [29, 256, 56],
  bf16: [30, 1, 2],
  tq1_0: [34, 256, 54],
  tq2_0: [35, 256, 66],
  mxfp4: [39, 32, 17],
} as const satisfies Record<string, readonly [id: number, elements: number, bytes: number]>;

/** ggml's own names, which are those of our dtypes where there is one. */
export type GgmlTypeName = keyof typeof types;

export const ggmlTypes = Object.fromEntries(
  Object.entries(types).map(([name, [id, elements, bytes]]) => [name, { name, id, elements, bytes }]),
) as Readonly<Record<GgmlTypeName, GgmlType>>;

const byId = new Map(Object.values(ggmlTypes).map((type) => [type.id, type]));

/** The type that files call by this number, if it is known. */
export function ggmlTypeOf(id: number): GgmlType | undefined {
  return byId.get(id);
}

/** Our dtype of what a file stores, if there is one: the names are the same. */
export function dtypeOf({ name }: GgmlType): DType | undefined {
  return Object.hasOwn(codecs, name) ? (name as DType) : undefined;
}
