import { type BlockDType, blockDTypes } from "./block-formats.js";
import { type Device } from "./device.js";
import { type ActivationDType, activationDTypes, codecs, type DType } from "./dtypes.js";
import { ArgumentError, ShapeError, UnsupportedOp } from "./errors.js";
import { type HostTensor } from "./host-tensor.js";
import { describe, isTensor, Tensor, type TensorType } from "./tensor.js";

/** A tensor argument: which dtypes it may have and what its dimensions are called. Equal names must have equal sizes within a call. */
export interface TensorArg<Optional extends boolean = boolean> {
  readonly kind: "tensor";
  readonly dtypes: readonly DType[];
  readonly dims: readonly string[];
  readonly optional: Optional;
  /** Whether it is one of the call's activations, which all have one dtype. */
  readonly activation: boolean;
}

/** A plain number or boolean that does not change from step to step. */
export interface AttributeArg<T extends number | boolean = number | boolean> {
  readonly kind: "number" | "integer" | "boolean";
  readonly type?: T;
}

/** A dtype of activations. It may be left out: what then holds is the op's to say. Native devices get the codec's id, or −1 if it was left out. */
export interface DTypeArg {
  readonly kind: "dtype";
}

/** A block format. Native devices get the codec's id. */
export interface BlocksArg {
  readonly kind: "blocks";
}

export type ArgSpec = TensorArg | AttributeArg | DTypeArg | BlocksArg;
export type ArgSpecs = Readonly<Record<string, ArgSpec>>;

function tensorArg(dtypes: readonly DType[], activation = false) {
  return (...dims: string[]): TensorArg<false> => ({ kind: "tensor", dtypes, dims, optional: false, activation });
}

/** Activations: f32, bf16 or f16, all of a call's the same. A device has kernels for those of its `activationDTypes`. */
export const activations = tensorArg(activationDTypes, true);
/** Numbers that stay f32 whatever the activations: logits, angles, statistics. */
export const floats = tensorArg(["f32"]);
/** Stored numbers: f32, f16 or bf16. */
export const weights = tensorArg(["f32", "f16", "bf16"]);
/** Stored numbers, also in blocks: weights of linear layers and embedding tables. */
export const blockWeights = tensorArg(["f32", "f16", "bf16", ...blockDTypes]);
/** Weights in blocks alone. */
export const blocks = tensorArg(blockDTypes);
/** The elements that a sparse weight keeps: stored numbers, or 8-bit codes under scales. */
export const keptValues = tensorArg(["f32", "f16", "bf16", "i8"]);
/** Numbers that are stored as bf16. */
export const brainFloats = tensorArg(["bf16"]);
/** Scales of 8-bit codes. */
export const halves = tensorArg(["f16"]);
/** Bits and small codes, packed into bytes. */
export const bytes = tensorArg(["u8"]);
/** Indices and counts: i32. */
export const ints = tensorArg(["i32"]);
/** Anything. */
export const anyDType = tensorArg(["f32", "f16", "bf16", "i32", "i8", "u8"]);
/** The argument may be left out. */
export const optional = (arg: TensorArg): TensorArg<true> => ({ ...arg, optional: true });

export const attribute = {
  number: { kind: "number" } as AttributeArg<number>,
  integer: { kind: "integer" } as AttributeArg<number>,
  boolean: { kind: "boolean" } as AttributeArg<boolean>,
  dtype: { kind: "dtype" } as DTypeArg,
  blocks: { kind: "blocks" } as BlocksArg,
};

type OptionalKeys<A extends ArgSpecs> = {
  [K in keyof A]: A[K] extends TensorArg<true> | DTypeArg ? K : never;
}[keyof A];
type ValueOf<S, T> = S extends TensorArg
  ? T
  : S extends DTypeArg
    ? ActivationDType
    : S extends BlocksArg
      ? BlockDType
      : S extends AttributeArg<infer V>
        ? V
        : never;

/** The argument object of an op whose tensors are `T`. */
export type Args<A extends ArgSpecs, T> = { readonly [K in Exclude<keyof A, OptionalKeys<A>>]: ValueOf<A[K], T> } & {
  readonly [K in OptionalKeys<A>]?: ValueOf<A[K], T> | undefined;
};

type Results<O extends readonly TensorType[]> = O extends readonly []
  ? void
  : O extends readonly [TensorType]
    ? Tensor
    : { -readonly [K in keyof O]: Tensor };

export interface OpDefinition<A extends ArgSpecs, O extends readonly TensorType[]> {
  /** Name by which devices find their kernel; the file names are its kebab-case. */
  readonly name: string;
  /** Tensors first, attributes after them: native devices take them in this order, outputs between the two. */
  readonly args: A;
  /** Shapes and dtypes of the outputs; may throw `ShapeError` for what dimension names cannot say. */
  readonly outputs: (args: Args<A, TensorType>) => O;
  /** Names of tensor arguments that the op writes to. */
  readonly mutates?: readonly (keyof A & string)[];
  /** The truth: decode exactly, compute in float64, store each output element once. */
  readonly reference: (args: Args<A, HostTensor>, outputs: { -readonly [K in keyof O]: HostTensor }) => void;
  /**
   * Largest error of each output element that a device may make, written into `limits` (float64, shapes of the outputs, then of the mutated
   * arguments). Without it: 4 units in the last place of the output's dtype, 0 for integers.
   */
  readonly bound?: (
    args: Args<A, HostTensor>,
    limits: HostTensor[],
    outputs: { -readonly [K in keyof O]: HostTensor },
  ) => void;
}

/** An op: call it to record it; devices read the rest. */
export interface Op<
  A extends ArgSpecs = ArgSpecs,
  O extends readonly TensorType[] = readonly TensorType[],
> extends OpDefinition<A, O> {
  (args: Args<A, Tensor>): Results<O>;
}

/** An op whatever its arguments, as devices see it. */
export interface AnyOp {
  readonly name: string;
  readonly args: ArgSpecs;
  readonly mutates?: readonly string[];
  // Devices pass what `args` describes; the precise types are the caller's.
  readonly reference: (args: never, outputs: never) => void;
  readonly bound?: (args: never, limits: HostTensor[], outputs: never) => void;
}

/**
 * Makes an op out of its shape rule and its truth. Calling it checks every argument, allocates the outputs and records it on the device of its
 * first tensor.
 * @throws ShapeError, ArgumentError, DisposedError, UnsupportedOp, OutOfMemory at the call.
 */
export function defineOp<const A extends ArgSpecs, const O extends readonly [] | readonly TensorType[]>(
  definition: OpDefinition<A, O>,
): Op<A, O> {
  const { name, args, outputs } = definition;
  const entries = Object.entries(args);
  const tensorCount = entries.findIndex(([, spec]) => spec.kind !== "tensor");
  const tensors = entries.slice(0, tensorCount < 0 ? entries.length : tensorCount) as [string, TensorArg][];
  const attributes = entries.slice(tensors.length) as [string, AttributeArg | DTypeArg | BlocksArg][];
  if (attributes.some(([, spec]) => spec.kind === ("tensor" as string)))
    throw new ArgumentError(`defineOp(${name}): tensors come before attributes`);

  // Each dimension name becomes a number, so that checking a call compares integers and allocates nothing.
  const dimNames = [...new Set(tensors.flatMap(([, spec]) => spec.dims))];
  const dimIndices = tensors.map(([, spec]) => spec.dims.map((dim) => dimNames.indexOf(dim)));
  const sizes = new Int32Array(dimNames.length);

  function record(values: Record<string, unknown>): unknown {
    const inputs: (Tensor | undefined)[] = new Array(tensors.length);
    const numbers: number[] = new Array(attributes.length);
    let device: Device | undefined;
    let activation: ActivationDType | undefined;
    for (let d = 0; d < sizes.length; d++) sizes[d] = -1;
    for (let t = 0; t < tensors.length; t++) {
      const entry = tensors[t]!;
      const value = values[entry[0]];
      if (value === undefined) {
        if (!entry[1].optional) throw new ArgumentError(`${name}: ${entry[0]} is missing`);
        continue;
      }
      // The first test is the quick one; the second lets in tensors of another copy of this package.
      if (!(value instanceof Tensor || isTensor(value)))
        throw new ArgumentError(`${name}: ${entry[0]} must be a tensor, but is ${typeof value}`);
      if (value.disposed) value.assertAlive(`${name}: ${entry[0]}`);
      if (device === undefined) device = value.device;
      else if (device !== value.device)
        throw new ArgumentError(
          `${name}: ${entry[0]} lives on another device (${value.device.name}) than the arguments before it (${device.name})`,
        );
      const { dtypes } = entry[1];
      if (dtypes[0] !== value.dtype && !dtypes.includes(value.dtype)) {
        throw new ArgumentError(`${name}: ${entry[0]} must be ${dtypes.join(" or ")}, but is ${describe(value)}`);
      }
      if (entry[1].activation) {
        if (activation === undefined) activation = value.dtype as ActivationDType;
        else if (activation !== value.dtype) throw mixedActivations(values);
      }
      const dims = dimIndices[t]!;
      const shape = value.shape;
      if (shape.length !== dims.length)
        throw new ShapeError(`${name}: ${entry[0]} must be [${entry[1].dims.join(", ")}], but is ${describe(value)}`);
      for (let d = 0; d < dims.length; d++) {
        const dim = dims[d]!;
        if (sizes[dim] === -1) sizes[dim] = shape[d]!;
        else if (sizes[dim] !== shape[d]) throw mismatch(values, dim, entry[0], shape[d]!);
      }
      inputs[t] = value;
    }
    if (device === undefined) throw new ArgumentError(`${name}: no tensor argument`);
    if (activation !== undefined && activation !== "f32") requireActivations(device, activation);
    for (let a = 0; a < attributes.length; a++) {
      const [key, spec] = attributes[a]!;
      const value = values[key];
      if (spec.kind === "boolean") {
        if (typeof value !== "boolean")
          throw new ArgumentError(`${name}: ${key} must be true or false, but is ${String(value)}`);
        numbers[a] = value ? 1 : 0;
      } else if (spec.kind === "dtype") {
        numbers[a] = value === undefined ? -1 : dtypeId(key, value, device);
      } else if (spec.kind === "blocks") {
        if (!blockDTypes.includes(value as BlockDType))
          throw new ArgumentError(`${name}: ${key} must be ${blockDTypes.join(" or ")}, but is ${String(value)}`);
        numbers[a] = codecs[value as BlockDType].id;
      } else {
        if (typeof value !== "number" || (spec.kind === "integer" && !Number.isInteger(value))) {
          throw new ArgumentError(
            `${name}: ${key} must be ${spec.kind === "integer" ? "an integer" : "a number"}, but is ${String(value)}`,
          );
        }
        numbers[a] = value;
      }
    }
    const types = outputs(values as Args<A, TensorType>);
    const results = device.record(op as unknown as AnyOp, inputs, numbers, types);
    return results.length === 1 ? results[0] : results.length === 0 ? undefined : results;
  }

  function requireActivations(device: Device, dtype: ActivationDType): void {
    if (!device.activationDTypes.includes(dtype)) throw new UnsupportedOp(name, device.name, dtype);
  }

  function dtypeId(key: string, value: unknown, device: Device): number {
    const dtype = value as ActivationDType;
    if (!activationDTypes.includes(dtype))
      throw new ArgumentError(`${name}: ${key} must be ${activationDTypes.join(" or ")}, but is ${String(value)}`);
    requireActivations(device, dtype);
    return codecs[dtype].id;
  }

  function mixedActivations(values: Record<string, unknown>): ArgumentError {
    const all = tensors
      .filter(([key, spec]) => spec.activation && isTensor(values[key]))
      .map(([key]) => `${key} ${describe(values[key] as Tensor)}`);
    return new ArgumentError(`${name}: activations must have one dtype, but are ${all.join(", ")}`);
  }

  function mismatch(values: Record<string, unknown>, dim: number, key: string, size: number): ShapeError {
    const [first] = tensors.find(([other], t) => values[other] !== undefined && dimIndices[t]!.includes(dim))!;
    const all = tensors
      .filter(([other]) => isTensor(values[other]))
      .map(([other]) => `${other} ${describe(values[other] as Tensor)}`);
    return new ShapeError(
      `${name}: "${dimNames[dim]}" is ${sizes[dim]} in ${first}, but ${size} in ${key} (${all.join(", ")})`,
    );
  }

  const op = record as unknown as Op<A, O>;
  Object.defineProperty(op, "name", { value: name });
  return Object.assign(op, withoutName(definition));
}

function withoutName<T extends { name: string }>({ name: _name, ...rest }: T): Omit<T, "name"> {
  return rest;
}
