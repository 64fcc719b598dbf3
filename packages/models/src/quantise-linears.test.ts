import { decode, Linear, quantise, reference, type Tensor } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { logitsOf, rowsOf, tinyConfigs } from "./architectures/tiny-model.js";
import { buildModel, parameterShapes } from "./architectures/architecture.js";
import { quantiseLinears } from "./quantise-linears.js";

const device = reference();

function values(count: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + scale) * scale);
}

function layers() {
  const weights = new Map<string, Tensor>([
    ["a.weight", device.tensor(values(128, 1), [2, 64], "bf16")],
    ["b.weight", device.tensor(values(80, 2), [2, 40])],
    ["table", device.tensor(values(96, 3), [3, 32])],
  ]);
  const linears = new Map(
    (
      [
        ["a", "a.weight"],
        ["b", "b.weight"],
        ["head", "table"],
      ] as const
    ).map(([site, name]) => [site, new Linear(site, weights.get(name)!)]),
  );
  return { weights, linears, shared: new Set([weights.get("table")!]) };
}

describe.each(["q8_0", "q4_0"] as const)("%s", (dtype) => {
  it("replaces weights, and says by how much they are off, worst first", async () => {
    const { weights, linears, shared } = layers();
    const stored = (await weights.get("a.weight")!.read()) as Float32Array;
    const { report } = await quantiseLinears(linears, { dtype, weights, shared });
    expect(weights.get("a.weight")).toBe(linears.get("a")!.weight);
    expect(linears.get("a")!.weight).toMatchObject({ dtype });
    const blocks = await weights.get("a.weight")!.readBytes();
    expect(blocks).toEqual(quantise(stored, dtype));
    const site = report.sites.find((one) => one.site === "a")!;
    const decoded = decode(dtype, blocks);
    const [error, size] = stored.reduce(
      ([e, s], value, i) => [e! + (value - decoded[i]!) ** 2, s! + value ** 2],
      [0, 0],
    ) as unknown as [number, number];
    expect(site.relativeError).toBeCloseTo(Math.sqrt(error / size), 7);
    expect(site).toMatchObject({ shape: [2, 64], bytesBefore: 256, bytesAfter: blocks.length });
    expect(report.sites.map((one) => one.relativeError)).toEqual(
      report.sites.map((one) => one.relativeError).sort((x, y) => y - x),
    );
    expect(report.relativeError).toBeLessThan(dtype === "q8_0" ? 0.01 : 0.12);
    expect(report.relativeError).toBeGreaterThan(0);
  });

  it("keeps rows that are no whole blocks, and says why", async () => {
    const { weights, linears, shared } = layers();
    const { report } = await quantiseLinears(linears, { dtype, weights, shared });
    expect(linears.get("b")!.weight).toMatchObject({ dtype: "f32" });
    expect(report.kept).toEqual([{ site: "b", reason: "its rows have 40 elements, no multiple of 32" }]);
  });

  it("leaves a shared table exact, beside a copy for the head", async () => {
    const { weights, linears, shared } = layers();
    const table = weights.get("table")!;
    const { copies } = await quantiseLinears(linears, { dtype, weights, shared });
    expect(weights.get("table")).toBe(table);
    expect(table.dtype).toBe("f32");
    expect(copies).toEqual([linears.get("head")!.weight]);
    expect(copies[0]!.dtype).toBe(dtype);
  });

  it("gives back what it replaces", async () => {
    const { weights, linears, shared } = layers();
    const before = device.memory().live;
    const { report, copies } = await quantiseLinears(linears, { dtype, weights, shared });
    const [a, head] = ["a", "head"].map((name) => report.sites.find(({ site }) => site === name)!);
    expect(device.memory().live - before).toBe(a!.bytesAfter - a!.bytesBefore + head!.bytesAfter);
    for (const tensor of [...weights.values(), ...copies]) tensor.dispose();
  });

  it("stops when told to", async () => {
    const { weights, linears, shared } = layers();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(quantiseLinears(linears, { dtype, weights, shared, signal })).rejects.toThrow("enough");
  });

  it("a whole model computes what its decoded weights give", async () => {
    const config = { ...tinyConfigs.llama, hiddenSize: 32, intermediateSize: 64, headDim: 8 };
    const made = (decoded: boolean) => {
      const weights = new Map<string, Tensor>();
      for (const [name, shape] of parameterShapes(config)) {
        const plain = values(
          shape.reduce((a, b) => a * b, 1),
          0.3 + weights.size / 10,
        );
        const isLinear = /(proj|lm_head)\.weight$/.test(name);
        weights.set(
          name,
          device.tensor(decoded && isLinear ? (decode(dtype, quantise(plain, dtype)) as Float32Array) : plain, shape),
        );
      }
      return { model: buildModel(config, weights, device), weights };
    };
    const rows = rowsOf(device, [[1, 2, 3, 4, 5]]);
    const { model, weights } = made(false);
    const { report } = await quantiseLinears(model.linears, { dtype, weights, shared: new Set() });
    expect(report.sites).toHaveLength(22);
    const got = await logitsOf(model, device, rows);
    expect(got).toEqual(await logitsOf(made(true).model, device, rows));
    expect(got).not.toEqual(await logitsOf(made(false).model, device, rows));
  });
});

// As a GPU that lacks kernels: the bytes and the error must not depend on who quantises.
it.each([undefined, reference()])("a device without kernels for it has a helper, or JavaScript", async (helper) => {
  const without = reference();
  without.supports = () => false;
  const [quantised, wanted] = await Promise.all(
    [without, device].map(async (where) => {
      const weight = where.tensor(values(3 * 6144, 1), [3, 6144], "bf16");
      const weights = new Map([["a.weight", weight]]);
      const linears = new Map([["a", new Linear("a", weight)]]);
      const { report } = await quantiseLinears(linears, { dtype: "q4_K", weights, shared: new Set(), helper });
      expect(linears.get("a")!.weight).toMatchObject({ device: where, dtype: "q4_K" });
      expect(weight.disposed).toBe(true);
      return { bytes: await weights.get("a.weight")!.readBytes(), error: report.relativeError };
    }),
  );
  expect(quantised!.bytes).toEqual(wanted!.bytes);
  expect(quantised!.error).toBeCloseTo(wanted!.error, 7);
  expect(helper?.memory().live ?? 0).toBe(0);
});

it("q4_K and q6_K need rows of whole blocks of 256", async () => {
  for (const dtype of ["q4_K", "q6_K"] as const) {
    const weights = new Map([
      ["a.weight", device.tensor(values(1024, 1), [2, 512])],
      ["b.weight", device.tensor(values(320, 2), [2, 160])],
    ]);
    const linears = new Map(["a", "b"].map((site) => [site, new Linear(site, weights.get(`${site}.weight`)!)]));
    const stored = (await weights.get("a.weight")!.read()) as Float32Array;
    const { report } = await quantiseLinears(linears, { dtype, weights, shared: new Set() });
    expect(report.sites.map(({ site }) => site)).toEqual(["a"]);
    expect(await weights.get("a.weight")!.readBytes()).toEqual(quantise(stored, dtype));
    expect(report.kept).toEqual([{ site: "b", reason: "its rows have 160 elements, no multiple of 256" }]);
  }
});
