import { type Device } from "../device.js";
import { ArgumentError } from "../errors.js";
import { type Shape } from "../shape.js";
import { decodeSparseCodes, sparseCodes } from "./sparse-codes.js";
import { bitsOf, type HostPart, type SparseFormat } from "./sparse-format.js";
import { type Weight } from "./weight.js";

/** How kept elements are stored: as they are, or as 8-bit codes under a scale for each 64 columns. */
export type KeptAs = "stored" | "i8";

/**
 * The parts of a matrix whose zeros need not be stored.
 * @throws ArgumentError if it does not fit the format (see `SparseFormat.misfit`).
 */
export function packSparse(
  format: SparseFormat,
  matrix: HostPart,
  keptAs: KeptAs = "stored",
): Readonly<Record<string, HostPart>> {
  if (keptAs === "stored") return format.pack(matrix);
  const { codes, scales } = sparseCodes(matrix);
  return { ...format.pack(codes), scales };
}

/** The matrix that parts stand for: elements as they were packed, bit for bit but for the sign of zeros; those of codes as f32, exactly. */
export function unpackSparse(format: SparseFormat, parts: Readonly<Record<string, HostPart>>, shape: Shape): HostPart {
  const matrix = format.unpack(parts, shape);
  const { scales } = parts;
  return scales ? decodeSparseCodes(matrix, scales) : matrix;
}

/** The share of a matrix's elements that are zero, of either sign, in [0, 1]. */
export function shareOfZeros(matrix: HostPart): number {
  const { bits, magnitude } = bitsOf(matrix);
  let zeros = 0;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & magnitude) === 0) zeros++;
  return bits.length === 0 ? 0 : zeros / bits.length;
}

/** Puts parts on a device. The tensors are the caller's to dispose (`disposeWeight`). @throws ArgumentError if the parts are not what the format asks for. */
export function sparseWeight(
  device: Device,
  format: SparseFormat,
  parts: Readonly<Record<string, HostPart>>,
  shape: Shape,
): Weight {
  const wrong = format.complaint(parts, shape);
  if (wrong !== undefined) throw new ArgumentError(`${format.name}: ${wrong}`);
  const tensors = Object.entries(parts).map(
    ([name, part]) =>
      [name, device.unscoped(() => device.tensorFromBytes(part.bytes, part.shape, part.dtype))] as const,
  );
  return { format, shape, parts: Object.fromEntries(tensors) };
}
