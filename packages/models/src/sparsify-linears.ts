import {
  type Device,
  type HostPart,
  type KeptAs,
  type Linear,
  packSparse,
  type Shape,
  shareOfZeros,
  type SparseFormat,
  sparseWeight,
  UnsupportedOp,
  type Weight,
  weightBytes,
} from "@whittle/core";
import { type KeptSite, type ReplaceOptions, replaceWeights } from "./replace-weights.js";

/** What became of the weight of one linear layer, or of one matrix of a checkpoint. */
export interface SparseSite {
  readonly site: string;
  readonly shape: Shape;
  /** The share of elements that are zero, in [0, 1]. */
  readonly zeros: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What storing a model's weights without their zeros has done. */
export interface SparsityReport {
  readonly format: string;
  readonly sites: readonly SparseSite[];
  /** Matrices that stay as they are, with the reason. */
  readonly kept: readonly KeptSite[];
}

export interface SparsifyLinearsOptions extends Omit<ReplaceOptions, "stage"> {
  readonly device: Device;
  readonly format: SparseFormat;
}

/**
 * Replaces the weights of linear layers by sparse ones, one after another, where they hold the zeros that the format leaves out and take less memory so; shared ones stay. Nothing is
 * pruned: what a layer computes stays the same.
 * @returns the report, and the new weights: the caller's to dispose.
 * @throws UnsupportedOp if the device cannot compute with them.
 */
export async function sparsifyLinears(
  linears: ReadonlyMap<string, Linear>,
  { device, format, ...options }: SparsifyLinearsOptions,
): Promise<{ report: SparsityReport; copies: readonly Weight[] }> {
  requireFormat(device, format);
  const sites: SparseSite[] = [];
  const how = { ...options, stage: "packing weights" };
  const { kept, copies } = await replaceWeights(linears, how, async (weight, site) => {
    if (options.shared.has(weight)) return "it is the embedding table as well";
    const matrix = { dtype: weight.dtype, shape: weight.shape, bytes: await weight.readBytes() };
    const packed = packWorthwhile(format, matrix);
    if (typeof packed === "string") return packed;
    const replacement = sparseWeight(device, format, packed, weight.shape);
    sites.push(siteOf(site, matrix, weightBytes(replacement)));
    return replacement;
  });
  return { report: { format: format.name, sites, kept }, copies };
}

/** @throws UnsupportedOp if the device has no kernel for products with such weights. */
export function requireFormat(device: Device, { op }: SparseFormat): void {
  if (!device.supports(op)) throw new UnsupportedOp(op.name, device.name);
}

/** The parts of a matrix, or why it had better stay one. */
export function packWorthwhile(
  format: SparseFormat,
  matrix: HostPart,
  keptAs: KeptAs = "stored",
): Readonly<Record<string, HostPart>> | string {
  const misfit = format.misfit(matrix);
  if (misfit !== undefined) return misfit;
  const parts = packSparse(format, matrix, keptAs);
  const bytes = Object.values(parts).reduce((sum, part) => sum + part.bytes.length, 0);
  return bytes < matrix.bytes.length
    ? parts
    : `only ${(100 * shareOfZeros(matrix)).toFixed(1)} % of its elements are zero, so it would take ${bytes} bytes instead of ${matrix.bytes.length}`;
}

export function siteOf(site: string, matrix: HostPart, bytesAfter: number): SparseSite {
  return { site, shape: matrix.shape, zeros: shareOfZeros(matrix), bytesBefore: matrix.bytes.length, bytesAfter };
}
