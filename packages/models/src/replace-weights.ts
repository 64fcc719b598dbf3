import {
  disposeWeight,
  elementsOf,
  isBlockDType,
  isTensor,
  type Linear,
  type LinearWeight,
  type ProgressListener,
  type Tensor,
} from "@whittle/core";

export interface ReplaceOptions {
  /** What progress is called. */
  readonly stage: string;
  /** The loaded tensors by name: a weight that a layer no longer uses is disposed and its entry replaced, or removed. */
  readonly weights: Map<string, Tensor>;
  /** Weights that are read by more than their layer: an embedding table that is the head as well. They are not disposed. */
  readonly shared: ReadonlySet<LinearWeight>;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A layer that stays as it is, with the reason. */
export interface KeptSite {
  readonly site: string;
  readonly reason: string;
}

/**
 * Replaces the weights of linear layers by what `replacementOf` makes of them, one after another; where that is a string, it is the reason for keeping the weight. Weights in blocks
 * and sparse ones stay.
 * @returns which layers stayed, and the new weights that are in no entry of `weights`: the caller's to dispose.
 */
export async function replaceWeights<W extends LinearWeight>(
  linears: ReadonlyMap<string, Linear>,
  { stage, weights, shared, onProgress, signal }: ReplaceOptions,
  replacementOf: (weight: Tensor, site: string) => Promise<W | string>,
): Promise<{ kept: readonly KeptSite[]; copies: readonly W[] }> {
  const kept: KeptSite[] = [];
  const copies: W[] = [];
  const total = [...linears.values()].reduce((sum, { weight }) => sum + elementsOf(weight.shape), 0);
  let done = 0;
  try {
    for (const [site, layer] of linears) {
      signal?.throwIfAborted();
      const { weight } = layer;
      const replacement = storedOtherwise(weight) ?? (await replacementOf(weight as Tensor, site));
      if (typeof replacement === "string") {
        kept.push({ site, reason: replacement });
      } else {
        layer.weight = replacement;
        const name = shared.has(weight) ? undefined : nameOf(weight, weights);
        if (name !== undefined && isTensor(replacement)) weights.set(name, replacement);
        else copies.push(replacement);
        if (name !== undefined) {
          if (!isTensor(replacement)) weights.delete(name);
          disposeWeight(weight);
        }
      }
      done += elementsOf(weight.shape);
      onProgress?.({ stage, done, total, unit: "elements" });
    }
  } catch (failure) {
    copies.forEach(disposeWeight);
    throw failure;
  }
  return { kept, copies };
}

function storedOtherwise(weight: LinearWeight): string | undefined {
  if (!isTensor(weight)) return `stored as ${weight.format.name}`;
  return isBlockDType(weight.dtype) ? `stored as ${weight.dtype}` : undefined;
}

function nameOf(weight: LinearWeight, weights: ReadonlyMap<string, Tensor>): string | undefined {
  for (const [name, other] of weights) if (other === weight) return name;
  return undefined;
}
