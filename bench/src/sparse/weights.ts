import {
  type Device,
  disposeWeight,
  encode,
  type HostPart,
  type KeptAs,
  type LinearWeight,
  packSparse,
  sparse24,
  type SparseFormat,
  sparseMask,
  sparseWeight,
  weightBytes,
} from "@whittle/core";
import { RandomNumbers } from "../shared/random-numbers.js";

export interface Layer {
  readonly name: string;
  readonly in: number;
  readonly out: number;
}

/** The linear layers of TinyLlama-1.1B. */
export const layers: readonly Layer[] = [
  { name: "attention", in: 2048, out: 2048 },
  { name: "gate and up", in: 2048, out: 5632 },
  { name: "down", in: 5632, out: 2048 },
  { name: "head", in: 2048, out: 32000 },
];

/** One way of storing a layer's weight. */
export interface Stored {
  readonly name: string;
  /** Of one copy. */
  readonly bytes: number;
  /** Used by turns. */
  readonly copies: readonly LinearWeight[];
  dispose(): void;
}

/** Copies take turns, and are together larger than any cache, as the layers of a model are. */
const rotationBytes = 160 * 2 ** 20;
/** Rows that are drawn, a divisor of all layers'; a weight repeats them. What a kernel does depends on where zeros lie, not on whether a row came before. */
const drawnRows = 256;

type Keeps = (random: RandomNumbers, place: number, group: readonly number[]) => boolean;

/** The dense weight first, then those with zeros. */
export function storedWeights(device: Device, layer: Layer): Stored[] {
  const store = (name: string, keeps: Keeps, format?: SparseFormat, keptAs?: KeptAs) =>
    stored(device, layer, name, matrixOf(layer, keeps), format, keptAs);
  const half: Keeps = (_, place, group) => group.includes(place);
  const share =
    (percent: number): Keeps =>
    (random) =>
      100 * random.next() >= percent;
  return [
    store("dense bf16", () => true),
    store("sparse24 bf16", half, sparse24),
    store("sparse24 i8", half, sparse24, "i8"),
    ...[40, 50, 60, 70, 80].map((percent) => store(`sparseMask bf16 ${percent} %`, share(percent), sparseMask)),
    store("sparseMask i8 50 %", share(50), sparseMask, "i8"),
  ];
}

/** `keeps` decides for an element by its place within its four columns and by two of these, drawn. */
function matrixOf({ in: columns }: Layer, keeps: Keeps): HostPart {
  const random = new RandomNumbers(1);
  const values = new Float32Array(drawnRows * columns);
  let group: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (i % 4 === 0) {
      const first = random.integer(0, 3);
      group = [first, (first + random.integer(1, 3)) % 4];
    }
    if (keeps(random, i % 4, group)) values[i] = (((i * 37) % 64) + 0.5) / 64 - 0.5;
  }
  return { dtype: "bf16", shape: [drawnRows, columns], bytes: encode("bf16", values) };
}

function stored(
  device: Device,
  { in: columns, out }: Layer,
  name: string,
  matrix: HostPart,
  format?: SparseFormat,
  keptAs?: KeptAs,
): Stored {
  const times = out / drawnRows;
  const whole = repeated({ matrix }, times)["matrix"]!;
  const parts = format && repeated(packSparse(format, matrix, keptAs), times);
  const copy = (): LinearWeight =>
    parts
      ? sparseWeight(device, format, parts, [out, columns])
      : device.unscoped(() => device.tensorFromBytes(whole.bytes, whole.shape, whole.dtype));
  const first = copy();
  const bytes = weightBytes(first);
  const copies = [first, ...Array.from({ length: Math.ceil(rotationBytes / bytes) - 1 }, copy)];
  return { name, bytes, copies, dispose: () => copies.forEach(disposeWeight) };
}

/** The parts of a matrix that has the rows of another so many times. */
function repeated(parts: Readonly<Record<string, HostPart>>, times: number): Record<string, HostPart> {
  const kept = parts["values"]?.shape[0] ?? 0;
  return Object.fromEntries(
    Object.entries(parts).map(([name, { dtype, shape, bytes }]) => {
      const all = new Uint8Array(bytes.length * times);
      for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
      if (name === "offsets") {
        const offsets = new Int32Array(all.buffer);
        offsets.forEach((offset, row) => (offsets[row] = offset + kept * Math.floor(row / shape[0]!)));
      }
      return [name, { dtype, shape: [shape[0]! * times, ...shape.slice(1)], bytes: all }];
    }),
  );
}
