import { type DType } from "@whittle/core";
import { type StoredWeight } from "./weights.js";

/** Weights that could not be used as they are stored, and what they have become. */
export interface WeightConversion {
  /** As the file names it: `q5_K`. */
  readonly from: string;
  readonly to: DType;
  /** Whether every element stayed what it was. */
  readonly exact: boolean;
  readonly tensors: number;
}

/** What is converted while weights are loaded, by type. */
export function conversionsOf(weights: Iterable<StoredWeight>): WeightConversion[] {
  const found = new Map<string, WeightConversion>();
  for (const { storedAs, dtype, convert } of weights) {
    if (!convert) continue;
    const { tensors } = found.get(storedAs) ?? { tensors: 0 };
    found.set(storedAs, { from: storedAs, to: dtype, exact: convert.exact, tensors: tensors + 1 });
  }
  return [...found.values()];
}

/** For people. */
export function describeConversions(conversions: readonly WeightConversion[]): string {
  const parts = conversions.map(
    ({ from, to, exact, tensors }) => `${tensors} of ${from} as ${to}${exact ? " (exactly)" : ", rounded"}`,
  );
  return `weights of types that no device computes with were converted: ${parts.join("; ")}`;
}
