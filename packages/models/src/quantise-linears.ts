import {
  blockCodecs,
  type BlockDType,
  bytesOf,
  type Device,
  type Linear,
  type Shape,
  type Tensor,
} from "@whittle/core";
import { quantiseWeight, type Squares } from "./quantise-weight.js";
import { type KeptSite, type ReplaceOptions, replaceWeights } from "./replace-weights.js";

/** What became of the weight of one linear layer. */
export interface QuantisedSite {
  readonly site: string;
  readonly shape: Shape;
  /** √(Σ(w − ŵ)² / Σw²): the size of the error beside that of the weight. */
  readonly relativeError: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What quantising a model's weights has done to them. */
export interface QuantisationReport {
  readonly dtype: BlockDType;
  /** Worst first. */
  readonly sites: readonly QuantisedSite[];
  /** √(Σ(w − ŵ)² / Σw²) over all of them. */
  readonly relativeError: number;
  /** Layers that stay as they are, with the reason. */
  readonly kept: readonly KeptSite[];
}

export interface QuantiseLinearsOptions extends Omit<ReplaceOptions, "stage"> {
  readonly dtype: BlockDType;
  /** Quantises if the weights' device cannot. Default: JavaScript does. */
  readonly helper?: Device | undefined;
}

/**
 * Replaces the weights of linear layers by quantised ones, one after another: at most one more tensor is in memory than before.
 *
 * A shared weight (a tied head) gets a quantised copy beside it: the head reads all of it in each step, the embedding a row for each token, so
 * the table stays exact and its copy costs `bytesAfter`. Weights whose rows are no whole blocks, and those that are blocks already, stay as they are.
 * @returns the report, and the tensors that are in no entry of `weights`: the caller's to dispose.
 */
export async function quantiseLinears(
  linears: ReadonlyMap<string, Linear>,
  { dtype, helper, ...options }: QuantiseLinearsOptions,
): Promise<{ report: QuantisationReport; copies: readonly Tensor[] }> {
  const sites: QuantisedSite[] = [];
  const all = { error: 0, size: 0 };
  const { elements } = blockCodecs[dtype];
  const how = { ...options, stage: "quantising weights" };
  const { kept, copies } = await replaceWeights(linears, how, async (weight, site) => {
    const { shape } = weight;
    if (shape[1]! % elements !== 0) return `its rows have ${shape[1]} elements, no multiple of ${elements}`;
    const { tensor, squares } = await quantiseWeight(weight, dtype, helper);
    all.error += squares.error;
    all.size += squares.size;
    sites.push({
      site,
      shape,
      relativeError: relative(squares),
      bytesBefore: weight.elements * bytesOf(weight.dtype),
      bytesAfter: tensor.elements * bytesOf(dtype),
    });
    return tensor;
  });
  sites.sort((a, b) => b.relativeError - a.relativeError);
  return { report: { dtype, sites, relativeError: relative(all), kept }, copies };
}

function relative({ error, size }: Squares): number {
  return size === 0 ? 0 : Math.sqrt(error / size);
}
