import { linear, packed, reference, type Tensor } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { type ModelConfig } from "../model-config.js";
import { logitsOf, rowsOf, tinyConfigs, tinyModel } from "./tiny-model.js";

const device = reference();
const [a, b] = [
  [3, 1, 4, 1, 5, 9, 2, 6],
  [7, 0, 22, 10, 3],
];

describe.each(Object.entries<ModelConfig>(tinyConfigs))("%s", (_, config) => {
  const model = tinyModel(config, device);

  it("computes two sequences in one batch as each alone", async () => {
    const together = await logitsOf(model, device, rowsOf(device, [a!, b!]));
    const alone = [
      ...(await logitsOf(model, device, rowsOf(device, [a!]))),
      ...(await logitsOf(model, device, rowsOf(device, [b!]))),
    ];
    expect(together).toEqual(alone);
    expect(new Set(together.map(String)).size).toBe(13);
  });

  it("is causal: later tokens change nothing before them", async () => {
    const before = await logitsOf(model, device, rowsOf(device, [a!]));
    const after = await logitsOf(model, device, rowsOf(device, [[...a!.slice(0, 5), 17, 17, 17]]));
    expect(after.slice(0, 5)).toEqual(before.slice(0, 5));
    expect(after[5]).not.toEqual(before[5]);
  });

  it("gives the wanted rows alone, in the order in which they are wanted", async () => {
    const all = await logitsOf(model, device, rowsOf(device, [a!, b!]));
    expect(await logitsOf(model, device, rowsOf(device, [a!, b!], { wanted: [12, 0, 7] }))).toEqual([
      all[12],
      all[0],
      all[7],
    ]);
  });

  it("computes what follows the last attention for wanted rows alone", async () => {
    const watched = reference();
    const rowsOut: { op: string; rows: number }[] = [];
    const record = watched.record.bind(watched);
    watched.record = (op, inputs, attributes, types) => {
      rowsOut.push({ op: op.name, rows: types[0]!.shape[0]! });
      return record(op, inputs, attributes, types);
    };
    const rows = rowsOf(watched, [a!, b!], { wanted: [12, 7] });
    await logitsOf(tinyModel(config, watched), watched, rows);
    const last = rowsOut.map(({ op }) => op).lastIndexOf("attention");
    expect(rowsOut[last]!.rows).toBe(13);
    expect(rowsOut.slice(last + 1).map((one) => one.rows)).toEqual(Array(rowsOut.length - last - 1).fill(2));
  });

  it("gives a layer that an adapter took over every row of the batch", async () => {
    const adapted = tinyModel(config, device);
    const down = adapted.linears.get(`layers.${config.layers - 1}.mlp.down`)!;
    const seen: number[][] = [];
    down.apply = (x, rows) => {
      seen.push([x.shape[0]!, rows.tokens.shape[0]!]);
      return down.product(x);
    };
    const rows = rowsOf(device, [a!, b!], { wanted: [12] });
    expect(await logitsOf(adapted, device, rows)).toEqual(await logitsOf(model, device, rows));
    expect(seen).toEqual([[13, 13]]);
  });

  it("is the same in pieces: the layers one by one, then the head", async () => {
    const rows = rowsOf(device, [a!, b!]);
    const step = packed(model.shape.layers, device).prepare(rows);
    let x = model.embed(rows);
    for (let layer = 0; layer < config.layers; layer++) x = model.blocks(x, rows, step, layer, layer + 1);
    const whole = (await logitsOf(model, device, rows)).flat();
    expect([...(await model.head(model.blocks(x, rows, step, 2, 2), rows.wanted).read())]).toEqual(whole);
  });

  it("gives the states that its head reads: their products with the output weights are the logits", async () => {
    const rows = rowsOf(device, [a!, b!]);
    const step = packed(model.shape.layers, device).prepare(rows);
    const states = model.finalHidden!(model.blocks(model.embed(rows), rows, step, 0, config.layers));
    expect(states.shape).toEqual([13, config.hiddenSize]);
    const { weight, bias } = model.linears.get("head")!;
    const logits = await linear({ x: states, weight: weight as Tensor, bias }).read();
    const whole = (await logitsOf(model, device, rows)).flat();
    whole.forEach((value, i) => expect(logits[i]).toBeCloseTo(value, 4));
  });

  it("lets taps see every layer's output and every linear layer's input", async () => {
    const rows = rowsOf(device, [a!]);
    const seen: string[] = [];
    const hidden: Promise<unknown>[] = [];
    const taps = {
      hidden: (layer: number, x: { read(): Promise<unknown> }) => (seen.push(`${layer}`), hidden.push(x.read())),
      input: (site: string) => void seen.push(site),
    };
    const step = packed(model.shape.layers, device).prepare(rows);
    const out = model.blocks(model.embed(rows), rows, step, 0, config.layers, taps);
    expect(hidden.length).toBe(config.layers);
    expect(await hidden.at(-1)).toEqual(await out.read());
    const sites = [...model.linears.keys()].filter((site) => site !== "head");
    expect(seen.filter((name) => name.startsWith("layers."))).toEqual(sites);
    expect(seen.indexOf("1")).toBeGreaterThan(seen.indexOf("layers.1.mlp.down"));
  });

  it("names its linear layers and parameters, and uses a weight that replaces one", async () => {
    const other = tinyModel(config, device);
    const before = await logitsOf(other, device, rowsOf(device, [a!]));
    for (const site of ["layers.0.attention.output", "layers.2.mlp.down", "head"])
      expect(other.linears.has(site)).toBe(true);
    expect([...other.linears].every(([site, layer]) => layer.site === site)).toBe(true);
    const down = other.linears.get("layers.1.mlp.down")!;
    expect([...other.parameters.values()]).toContain(down.weight);
    down.weight = device.zeros(down.weight.shape);
    expect(await logitsOf(other, device, rowsOf(device, [a!]))).not.toEqual(before);
  });

  it("leaves nothing in memory but its weights and the logits", async () => {
    const fresh = reference();
    const small = tinyModel(config, fresh);
    const rows = rowsOf(fresh, [a!]);
    const step = packed(small.shape.layers, fresh).prepare(rows);
    const before = fresh.memory().live;
    const { logits } = small.forward(rows, step);
    expect(fresh.memory().live - before).toBe(logits.elements * 4);
  });

  it("takes no more memory for more layers, but for their weights", () => {
    const peak = (layers: number) => {
      const fresh = reference();
      const small = tinyModel({ ...config, layers }, fresh);
      const rows = rowsOf(fresh, [a!]);
      const before = fresh.memory().live;
      small.forward(rows, packed(small.shape.layers, fresh).prepare(rows));
      return fresh.memory().peak - before;
    };
    expect(peak(9)).toBe(peak(3));
  });
});

describe("llama", () => {
  it("sees only differences of positions", async () => {
    const model = tinyModel(tinyConfigs.llama, device);
    const [here, there] = [
      await logitsOf(model, device, rowsOf(device, [a!])),
      await logitsOf(model, device, rowsOf(device, [a!], { firstPosition: 30 })),
    ];
    here.flat().forEach((value, i) => expect(there.flat()[i]).toBeCloseTo(value, 4));
  });

  it("shares the embedding with a tied head", () => {
    const model = tinyModel({ ...tinyConfigs.llama, tieWordEmbeddings: true }, device);
    expect(model.parameters.has("lm_head.weight")).toBe(false);
    expect(model.linears.get("head")!.weight).toBe(model.parameters.get("model.embed_tokens.weight"));
  });
});

describe("gpt2", () => {
  it("knows positions themselves", async () => {
    const model = tinyModel(tinyConfigs.gpt2, device);
    const [here, there] = [
      await logitsOf(model, device, rowsOf(device, [a!])),
      await logitsOf(model, device, rowsOf(device, [a!], { firstPosition: 30 })),
    ];
    expect(Math.abs(here[0]![0]! - there[0]![0]!)).toBeGreaterThan(0.01);
  });

  it("fails a row whose position it never learned", async () => {
    const model = tinyModel(tinyConfigs.gpt2, device);
    await expect(logitsOf(model, device, rowsOf(device, [[1]], { firstPosition: 64 }))).rejects.toThrow("id 64");
  });
});
