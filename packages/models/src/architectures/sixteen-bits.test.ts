import { type ActivationDType, packed, reference, type Tensor } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { type ModelConfig } from "../model-config.js";
import { perplexity } from "../perplexity.js";
import { logitsOf, rowsOf, tinyConfigs, tinyModel } from "./tiny-model.js";

const device = reference();
const [a, b] = [
  [3, 1, 4, 1, 5, 9, 2, 6],
  [7, 0, 22, 10, 3],
];

/** How far logits may be off, against their spread: some dozens of roundings of 2⁻⁸ or 2⁻¹¹, of either sign. */
const tolerance = { bf16: 0.06, f16: 0.008 };

describe.each(["bf16", "f16"] as const)("%s activations", (activations) => {
  describe.each(Object.entries<ModelConfig>(tinyConfigs))("of %s", (_name, config) => {
    const model = tinyModel(config, device, { activations });
    const exact = tinyModel(config, device);

    it("give the logits of f32, but for their rounding", async () => {
      const [wanted, got] = [
        (await logitsOf(exact, device, rowsOf(device, [a!, b!]))).flat(),
        (await logitsOf(model, device, rowsOf(device, [a!, b!]))).flat(),
      ];
      const rootMeanSquare = (values: readonly number[]) =>
        Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
      const off = rootMeanSquare(got.map((x, i) => x - wanted[i]!)) / rootMeanSquare(wanted);
      expect(off).toBeLessThan(tolerance[activations]);
      expect(off).toBeGreaterThan(tolerance[activations] / 100);
    });

    it("are what every layer works on, and leave the logits f32", async () => {
      const rows = rowsOf(device, [a!]);
      const step = packed(model.shape.layers, device).prepare(rows);
      const seen = new Set<string>();
      const taps = {
        hidden: (_layer: number, x: { dtype: string }) => void seen.add(x.dtype),
        input: (_site: string, x: { dtype: string }) => void seen.add(x.dtype),
      };
      const x = model.blocks(model.embed(rows), rows, step, 0, config.layers, taps);
      expect([...seen, x.dtype]).toEqual([activations, activations]);
      expect(model.finalHidden!(x).dtype).toBe(activations);
      expect(model.head(x, rows.wanted).dtype).toBe("f32");
      expect(model.shape.layers.map(({ dtype }) => dtype)).toEqual([activations, activations, activations]);
    });

    it("compute two sequences in one batch as each alone", async () => {
      expect(await logitsOf(model, device, rowsOf(device, [a!, b!]))).toEqual([
        ...(await logitsOf(model, device, rowsOf(device, [a!]))),
        ...(await logitsOf(model, device, rowsOf(device, [b!]))),
      ]);
    });

    it("give a perplexity close to that of f32", async () => {
      const ids = Array.from({ length: 40 }, (_, i) => (i * i + 3 * i) % 23);
      const nll = async (one: typeof model) => (await perplexity({ model: one, device }, ids, { window: 20 })).nll;
      const [wanted, got] = [await nll(exact), await nll(model)];
      expect(Math.abs(got - wanted)).toBeLessThan(tolerance[activations] * wanted);
      expect(got).not.toBe(wanted);
    });
  });
});

describe("llama", () => {
  it.each(["f32", "bf16"] as ActivationDType[])("says in %s what it says without fused ops", async (activations) => {
    const [fused, apart] = [
      tinyModel(tinyConfigs.llama, device, { activations }),
      tinyModel(tinyConfigs.llama, device, { activations }),
    ];
    // A layer that does more than its product is asked itself.
    let asked = 0;
    for (const linear of apart.linears.values()) {
      linear.apply = (x, _rows, taps) => {
        asked++;
        taps?.input?.(linear.site, x);
        return linear.product(x);
      };
    }
    expect(await logitsOf(apart, device, rowsOf(device, [a!]))).toEqual(
      await logitsOf(fused, device, rowsOf(device, [a!])),
    );
    expect(asked).toBe(3 * 7);
  });

  it("takes layers whose weights have dtypes of their own", async () => {
    const model = tinyModel(tinyConfigs.llama, device);
    const exact = (await logitsOf(model, device, rowsOf(device, [a!]))).flat();
    for (const site of ["attention.key", "mlp.up"]) {
      const linear = model.linears.get(`layers.1.${site}`)!;
      linear.weight = device.tensor(await (linear.weight as Tensor).read(), linear.weight.shape, "f16");
    }
    const mixed = (await logitsOf(model, device, rowsOf(device, [a!]))).flat();
    expect(mixed).not.toEqual(exact);
    mixed.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(0.5));
  });
});
