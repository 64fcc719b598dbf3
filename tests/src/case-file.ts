import { codecs, type DType, type Shape } from "@whittle/core";

/** A tensor that goes into an op: its bytes from its first element to its last, rows `rowStride` elements apart. */
export interface CaseInput {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly rowStride: number;
  readonly bytes: Uint8Array;
  /** What it must hold afterwards, if the op mutates it. */
  readonly expected?: CaseExpectation;
}

/** Dense values and how far each may be off; NaN stands for NaN alone. Blocks are expected as their bytes. */
export interface CaseExpectation {
  readonly values: Float64Array;
  readonly limits: Float64Array;
}

export interface CaseOutput extends CaseExpectation {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One call of one op with what the reference device says of it. */
export interface ConformanceCase {
  readonly op: string;
  /** Undefined: an optional argument left out. */
  readonly inputs: readonly (CaseInput | undefined)[];
  readonly attributes: readonly number[];
  readonly outputs: readonly CaseOutput[];
  /** The op must fail; outputs then have no expectation that counts. */
  readonly fails: boolean;
}

/**
 * A case as the C++ program `conformance` replays it. A file is any number of these, one after the other.
 *
 * Little-endian, every number 8 bytes (f64), so that everything is aligned: magic, op (length, bytes padded to 8), fails, counts of inputs, outputs and
 * attributes, the attributes, then the tensors: dtype (-1: absent, nothing follows), rank, sizes, rowStride; an input's byte count and
 * bytes (padded to 8), then 1 if an expectation follows, else 0; an expectation is the values, then the limits.
 * Reader: `packages/kernels/src/conformance/case-file.cpp`.
 */
export function encodeCase(item: ConformanceCase): Uint8Array {
  const out = new Words();
  out.number(caseMagic);
  out.text(item.op);
  out.numbers([item.fails ? 1 : 0, item.inputs.length, item.outputs.length, item.attributes.length]);
  out.numbers(item.attributes);
  for (const input of item.inputs) {
    if (!input) {
      out.number(-1);
      continue;
    }
    out.type(input.dtype, input.shape, input.rowStride);
    out.bytes(input.bytes);
    out.number(input.expected ? 1 : 0);
    if (input.expected) out.expectation(input.expected);
  }
  for (const output of item.outputs) {
    out.type(
      output.dtype,
      output.shape,
      output.shape.slice(1).reduce((product, size) => product * size, 1),
    );
    out.expectation(output);
  }
  return out.done();
}

const caseMagic = 20261126;

class Words {
  private readonly parts: Uint8Array[] = [];

  number(value: number): void {
    this.numbers([value]);
  }

  numbers(values: ArrayLike<number>): void {
    this.parts.push(new Uint8Array(Float64Array.from(values).buffer));
  }

  bytes(bytes: Uint8Array): void {
    this.number(bytes.byteLength);
    const padded = new Uint8Array(Math.ceil(bytes.byteLength / 8) * 8);
    padded.set(bytes);
    this.parts.push(padded);
  }

  text(text: string): void {
    this.bytes(new TextEncoder().encode(text));
  }

  type(dtype: DType, shape: Shape, rowStride: number): void {
    this.numbers([codecs[dtype].id, shape.length, ...shape, rowStride]);
  }

  expectation({ values, limits }: CaseExpectation): void {
    this.numbers(values);
    this.numbers(limits);
  }

  done(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}
