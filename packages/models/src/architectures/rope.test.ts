import { expect, test } from "vitest";
import { ropeFrequencies } from "./rope.js";

const llama3 = { type: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 } as const;

test("frequencies fall from one radian per position in equal ratios", () => {
  const frequencies = ropeFrequencies({ theta: 10_000 }, 8);
  [1, 0.1, 0.01, 0.001].forEach((value, i) => expect(frequencies[i]).toBeCloseTo(value, 7));
  expect(frequencies.length).toBe(4);
});

test("are those of transformers to the last bit", () => {
  // LlamaRotaryEmbedding.inv_freq of transformers 5.18 for head_dim 64, theta 500000, and with rope_type llama3 as above.
  const plain = ropeFrequencies({ theta: 500_000 }, 64);
  const scaled = ropeFrequencies({ theta: 500_000, scaling: llama3 }, 64);
  const indices = [1, 9, 15, 20, 31];
  expect(indices.map((i) => plain[i])).toEqual(
    [0.663601279, 0.0249554086, 0.0021311196, 0.000274248188, 3.01385808e-6].map(Math.fround),
  );
  expect(indices.map((i) => scaled[i])).toEqual(
    [0.663601279, 0.0249554086, 0.00137189368, 3.42810235e-5, 3.7673226e-7].map(Math.fround),
  );
});

test("linear scaling stretches all waves alike", () => {
  const [plain, linear] = [
    ropeFrequencies({ theta: 10_000 }, 16),
    ropeFrequencies({ theta: 10_000, scaling: { type: "linear", factor: 4 } }, 16),
  ];
  expect([...linear]).toEqual([...plain].map((frequency) => frequency / 4));
});

test("LLaMA 3 scaling keeps short waves, stretches long ones and blends between without a jump", () => {
  const theta = 500_000;
  const [plain, scaled] = [ropeFrequencies({ theta }, 128), ropeFrequencies({ theta, scaling: llama3 }, 128)];
  const ratios = [...plain].map((frequency, i) => frequency / scaled[i]!);
  expect(ratios[0]).toBe(1);
  expect(ratios.at(-1)).toBeCloseTo(8, 6);
  ratios.slice(1).forEach((ratio, i) => expect(ratio).toBeGreaterThanOrEqual(ratios[i]!));
  const waves = [...plain].map((frequency) => (8192 * frequency) / (2 * Math.PI));
  waves.forEach((count, i) => {
    if (count > 4) expect(ratios[i]).toBe(1);
    else if (count < 1) expect(ratios[i]).toBeCloseTo(8, 6);
    else expect(ratios[i]).toBeGreaterThan(1);
  });
});
