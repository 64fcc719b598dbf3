import { isTensor } from "@whittle/core";
import { describeConversions, type LoadedModel } from "@whittle/models";
import { describeSparsity } from "./describe-sparsity.js";
import { plural } from "./plural.js";
import { describeQuantisation } from "./weights.js";

/** What people are told of how a model's weights are kept, a line each; nothing of those that are as they are stored, and computed with as usual. */
export function describeWeights({ model, conversions, sparsity, quantisation }: LoadedModel): string[] {
  const toInt8 = [...model.linears.values()].filter(({ rounding }) => rounding === "q8");
  const lines: string[] = [];
  if (conversions.length > 0) lines.push(describeConversions(conversions));
  if (sparsity) lines.push(describeSparsity(sparsity));
  if (quantisation) lines.push(describeQuantisation(quantisation, toInt8.length > 0));
  else if (toInt8.length > 0) {
    const kinds = new Set(toInt8.flatMap(({ weight }) => (isTensor(weight) ? weight.dtype : [])));
    lines.push(`weights in ${[...kinds].join(", ")}: activations rounded to 8 bits (not with --exact-activations)`);
  }
  const toBf16 = [...model.linears.values()].filter(({ rounding }) => rounding === "bf16").length;
  if (toBf16 > 0) lines.push(`${plural(toBf16, "weight")} in bf16: activations rounded to bf16 (--bf16-activations)`);
  return lines;
}
