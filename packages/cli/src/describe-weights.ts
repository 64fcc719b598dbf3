import { isTensor } from "@whittle/core";
import { describeConversions, type LoadedModel } from "@whittle/models";
import { describeSparsity } from "./describe-sparsity.js";
import { describeQuantisation } from "./weights.js";

/** What people are told of how a model's weights are kept, a line each; nothing of those that are as they are stored, and computed with as usual. */
export function describeWeights({ model, conversions, sparsity, quantisation }: LoadedModel): string[] {
  const rounding = [...model.linears.values()].filter(({ int8Activations }) => int8Activations);
  const lines: string[] = [];
  if (conversions.length > 0) lines.push(describeConversions(conversions));
  if (sparsity) lines.push(describeSparsity(sparsity));
  if (quantisation) lines.push(describeQuantisation(quantisation, rounding.length > 0));
  else if (rounding.length > 0) {
    const kinds = new Set(rounding.flatMap(({ weight }) => (isTensor(weight) ? weight.dtype : [])));
    lines.push(`weights in ${[...kinds].join(", ")}: activations rounded to 8 bits (not with --exact-activations)`);
  }
  return lines;
}
