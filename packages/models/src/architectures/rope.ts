import { type RopeConfig, type RopeScaling } from "../config/rope.js";

/**
 * Radians per position of each pair of a head: `θ^(−2i/headDim)`, scaled as the checkpoint says. `[headDim / 2]`
 *
 * Rounded to f32 after each step, as the published implementations do: models were trained with exactly these angles, and at long positions a last
 * place of the frequency is a visible angle. Source: Su et al. 2021 (RoFormer), §3.2.2.
 */
export function ropeFrequencies({ theta, scaling }: RopeConfig, headDim: number): Float32Array {
  const frequencies = Float32Array.from(
    { length: headDim / 2 },
    (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / headDim)),
  );
  return scaling ? frequencies.map((frequency, pair) => scale(frequency, scaling, pair)) : frequencies;
}

function scale(frequency: number, scaling: RopeScaling, pair: number): number {
  switch (scaling.type) {
    case "linear":
      return frequency / scaling.factor;
    case "llama3":
      return scaleByWavelength(frequency, scaling);
    case "factors":
      return frequency / scaling.factors[pair]!;
  }
}

/** LLaMA 3.1: waves that fit into the original context stay, those longer than it slow down by `factor`, between the two a blend. */
function scaleByWavelength(frequency: number, scaling: RopeScaling & { type: "llama3" }): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  const waves = (originalMaxPositions * frequency) / (2 * Math.PI);
  if (waves > highFreqFactor) return frequency;
  if (waves < lowFreqFactor) return frequency / factor;
  const kept = (waves - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return (1 - kept) * (frequency / factor) + kept * frequency;
}
