import {
  type ActivationDType,
  type AnyOp,
  type ArgSpec,
  type BlockDType,
  bytesOf,
  codecs,
  type DType,
  dtypeOfId,
  encode,
  isBlockDType,
  type Shape,
  type TensorArg,
} from "@whittle/core";
import { type Draw, type DrawContext, type ValuesDraw } from "./draws.js";
import { Random } from "./random.js";

/**
 * Sizes by dimension name (`name.size` where a tensor has that name), attributes by name, helpers by any other name, and values by tensor name; drawn in this order.
 */
export type Spec = Readonly<Record<string, Draw | ValuesDraw>>;

/** A tensor as every device gets it: stored elements, and how its rows lie in a larger block of memory. */
export interface TensorPlan {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Dense and row-major. */
  readonly bytes: Uint8Array;
  /** `columns`: a slice of the columns of a wider tensor; `rows`: of the rows of a longer one. */
  readonly layout: "dense" | "columns" | "rows";
}

/** One call of an op. */
export interface Case {
  readonly op: AnyOp;
  readonly label: string;
  /** In the order of the op's declaration; undefined: left out. */
  readonly tensors: readonly (TensorPlan | undefined)[];
  readonly attributes: Readonly<Record<string, number | boolean | DType | undefined>>;
  /** Whether all elements of all floating-point tensors are finite. */
  readonly finite: boolean;
}

/** What the elements of a floating-point tensor look like. */
const kinds = ["normal", "normal", "tiny", "huge", "special", "zero", "normal", "large"] as const;
type Kind = (typeof kinds)[number];

export interface CaseOptions {
  /** Tensors that must have one dtype. */
  readonly sameDType?: readonly string[];
  /** Optional tensors that are never left out, and those that always are. */
  readonly given?: readonly string[];
  readonly absent?: readonly string[];
  /** What tensors that may be one of these are drawn from. Default: all that an argument may be. */
  readonly storedAs?: readonly DType[];
  /** What the activations may be, by turns. Default: f32, which every device has. */
  readonly activations?: readonly ActivationDType[];
}

export function drawCase(
  op: AnyOp,
  spec: Spec,
  index: number,
  seed: number,
  { sameDType = [], given = [], absent = [], storedAs = [], activations = ["f32"] }: CaseOptions = {},
): Case {
  const random = new Random(seed * 1000 + index);
  const drawn: Record<string, number> = {};
  const context: DrawContext = { index, random, drawn };
  const tensorNames = new Set(tensorsOf(op).map(([name]) => name));
  for (const [name, draw] of Object.entries(spec)) if (!tensorNames.has(name)) drawn[name] = (draw as Draw)(context);
  const kind = kinds[index % kinds.length]!;
  const activation = activations[index % activations.length]!;
  let shared: DType | undefined;
  const tensors = tensorsOf(op).map(([name, arg]) => {
    if (absent.includes(name) || (arg.optional && !given.includes(name) && random.uniform() < 0.5)) return undefined;
    const shape = arg.dims.map((dim) =>
      need(drawn, tensorNames.has(dim) ? `${dim}.size` : dim, `${op.name}: the size "${dim}"`),
    );
    const wanted = arg.dtypes.filter((dtype) => storedAs.includes(dtype));
    const storable = (wanted.length > 0 ? wanted : arg.dtypes).filter((dtype) => holdsBlocks(dtype, shape));
    const own = random.pick(arg.activation ? [activation] : storable);
    const dtype = sameDType.includes(name) ? (shared ??= own) : own;
    const draw = spec[name] as ValuesDraw | undefined;
    const bytes =
      isBlockDType(dtype) && !draw && kind === "large"
        ? drawBlocks(random, dtype, shape)
        : encode(dtype, draw ? draw(context, shape) : drawValues(random, dtype, shape, kind)).slice();
    return { dtype, shape, bytes, layout: drawLayout(random, dtype, shape) };
  });
  const attributes: Record<string, number | boolean | DType | undefined> = {};
  for (const [name, arg] of Object.entries(op.args)) {
    if (arg.kind === "tensor") continue;
    if (arg.kind === "dtype") {
      attributes[name] = random.pick([undefined, ...activations]);
      continue;
    }
    const value = need(drawn, name, `${op.name}: the attribute "${name}"`);
    attributes[name] = arg.kind === "boolean" ? value !== 0 : arg.kind === "blocks" ? dtypeOfId(value) : value;
  }
  const sizes = Object.entries(drawn).map(([name, value]) => `${name} ${value}`);
  const dtypes = [...new Set(tensors.map((tensor) => tensor?.dtype ?? "none"))];
  const label = `case ${index}: ${sizes.join(", ")}, ${kind}, ${dtypes.join("/")}`;
  return { op, label, tensors, attributes, finite: kind !== "special" };
}

export function tensorsOf(op: AnyOp): [string, TensorArg][] {
  return Object.entries(op.args).filter(
    (entry: [string, ArgSpec]): entry is [string, TensorArg] => entry[1].kind === "tensor",
  );
}

function need(drawn: Record<string, number>, name: string, what: string): number {
  const value = drawn[name];
  if (value === undefined) throw new Error(`${what} is not in the spec`);
  return value;
}

function drawValues(random: Random, dtype: DType, shape: Shape, kind: Kind): number[] {
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytesOf(dtype) === 1 || dtype === "i32") return Array.from({ length: count }, () => random.integer(-100, 100));
  return Array.from({ length: count }, () => drawFloat(random, dtype, kind));
}

/** Where a block's f16 scales begin. */
const scalesAt: Readonly<Record<BlockDType, readonly number[]>> = { q8_0: [0], q4_0: [0], q4_K: [0, 2], q6_K: [208] };

/** Blocks as no quantiser makes them: any bytes, but for scales, which lie between −2 and 2. */
function drawBlocks(random: Random, dtype: BlockDType, shape: Shape): Uint8Array {
  const { bytes: size, elements } = codecs[dtype];
  const count = shape.reduce((product, length) => product * length, 1) / elements;
  const bytes = Uint8Array.from({ length: count * size }, () => random.integer(0, 256));
  for (let block = 0; block < count; block++)
    for (const place of scalesAt[dtype]) bytes[block * size + place + 1]! &= 0xbf;
  return bytes;
}

/** f16, also as the scale of blocks, has few exponents: its tiny numbers are subnormal, its huge ones end at 65504. */
function drawFloat(random: Random, dtype: DType, kind: Kind): number {
  const x = random.normal();
  const few = dtype === "f16" || isBlockDType(dtype);
  switch (kind) {
    case "normal":
      return x;
    case "tiny":
      return x * (few ? 2 ** -20 : 2 ** -random.integer(60, 140));
    case "large":
      return x * 2 ** random.integer(0, 8);
    case "huge":
      return few ? Math.max(-65504, Math.min(65504, x * 2 ** 14)) : x * 2 ** random.integer(40, 120);
    case "zero":
      return random.uniform() < 0.7 ? random.pick([0, -0]) : x;
    case "special":
      return random.uniform() < 0.02 ? random.pick([NaN, Infinity, -Infinity]) : x;
  }
}

/** Whether rows of this shape are whole blocks, where elements come in blocks. */
function holdsBlocks(dtype: DType, shape: Shape): boolean {
  const columns = shape[shape.length - 1];
  return !isBlockDType(dtype) || (columns !== undefined && columns % codecs[dtype].elements === 0);
}

/** Blocks have no slices of columns. */
function drawLayout(random: Random, dtype: DType, shape: Shape): TensorPlan["layout"] {
  const u = isBlockDType(dtype) ? random.uniform() * 0.75 : random.uniform();
  if (u < 0.5 || shape.length === 0) return "dense";
  return u < 0.75 ? "rows" : "columns";
}
