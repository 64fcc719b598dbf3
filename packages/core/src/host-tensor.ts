import { bytesOf, codecs, type Codec, type DType } from "./dtypes.js";
import { elementsOf, rowElementsOf, type Shape } from "./shape.js";
import { type TensorType } from "./tensor.js";

/** No dtype of tensors: error limits are too fine for f32. */
const f64: Codec = {
  id: -1,
  bytes: 8,
  elements: 1,
  unit: 2 ** -53,
  largest: Number.MAX_VALUE,
  smallestNormal: 2 ** -1022,
  get: (v, i) => v.getFloat64(i, true),
  set: (v, i, x) => v.setFloat64(i, x, true),
};

/** A tensor's elements in JavaScript's memory, read and written one by one as numbers: what the reference of an op sees. */
export class HostTensor implements TensorType {
  private readonly view: DataView;
  private readonly strides: readonly [number, number, number, number];

  constructor(
    readonly shape: Shape,
    readonly dtype: DType,
    buffer: ArrayBufferLike,
    private readonly byteOffset = 0,
    rowStride = rowElementsOf(shape),
    private readonly codec: Codec = codecs[dtype],
  ) {
    this.view = new DataView(buffer);
    const inner = (from: number) => shape.slice(from).reduce((product, size) => product * size, 1);
    this.strides = [rowStride, inner(2), inner(3), inner(4)];
  }

  static zeros(shape: Shape, dtype: DType): HostTensor {
    return new HostTensor(shape, dtype, new ArrayBuffer(elementsOf(shape) * bytesOf(dtype)));
  }

  /** Zeros kept in float64: what `bound` writes its limits into. */
  static limits(shape: Shape): HostTensor {
    return new HostTensor(shape, "f32", new ArrayBuffer(elementsOf(shape) * f64.bytes), 0, rowElementsOf(shape), f64);
  }

  at(i: number, j = 0, k = 0, l = 0): number {
    const [a, b, c, d] = this.strides;
    return this.element(i * a + j * b + k * c + l * d);
  }

  /** What the terms that an element consists of add up to without their signs: |element|, but in q4_K, which takes a min off. */
  magnitudeAt(i: number, j: number): number {
    const { magnitude, bytes, elements } = this.codec;
    if (!magnitude) return Math.abs(this.at(i, j));
    const index = i * this.strides[0] + j * this.strides[1];
    return magnitude(this.view, this.byteOffset + Math.floor(index / elements) * bytes, index % elements);
  }

  /** Rounds once to the dtype. */
  set(value: number, i: number, j = 0, k = 0, l = 0): void {
    const [a, b, c, d] = this.strides;
    this.codec.set(this.view, this.byteOffset + (i * a + j * b + k * c + l * d) * this.codec.bytes, value);
  }

  /** Stores row `i` of a matrix of blocks, as bytes. */
  setBlocks(bytes: Uint8Array, i: number): void {
    const { bytes: size, elements } = this.codec;
    const to = this.byteOffset + ((i * this.strides[0]) / elements) * size;
    new Uint8Array(this.view.buffer, to, bytes.length).set(bytes);
  }

  /** Row `i` of a matrix as it is stored. */
  rowBytes(i: number): Uint8Array {
    const { bytes: size, elements } = this.codec;
    const share = size / elements;
    return new Uint8Array(this.view.buffer, this.byteOffset + i * this.strides[0] * share, this.size(1) * share);
  }

  /** Sizes by position, 1 where the shape has no such dimension. */
  size(dimension: number): number {
    return this.shape[dimension] ?? 1;
  }

  /** All elements, row-major. */
  toArray(): Float64Array {
    const columns = rowElementsOf(this.shape);
    const rows = this.shape[0] ?? 1;
    const values = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) values[i * columns + j] = this.element(i * this.strides[0] + j);
    }
    return values;
  }

  private element(index: number): number {
    const { bytes, elements } = this.codec;
    if (elements === 1) return this.codec.get(this.view, this.byteOffset + index * bytes);
    return this.codec.get(this.view, this.byteOffset + Math.floor(index / elements) * bytes, index % elements);
  }
}
