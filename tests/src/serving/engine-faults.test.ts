import { fileURLToPath } from "node:url";
import { type Device, OutOfMemory } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { loadModel, type LoadedModel } from "@whittle/models";
import { createEngine, type GenerateRequest } from "@whittle/serving";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** `allocation`: recording throws. `op`: an embedding gets an id that no table has, and fails on the device's own thread, with a step recorded behind it. */
type Fault = "allocation" | "op";

describe("the engine on cpu(), when steps fail", () => {
  let device: Device;
  let loaded: LoadedModel;
  let expected: (readonly number[])[];
  let decide: (op: string) => Fault | undefined = () => undefined;

  beforeAll(async () => {
    device = await cpu();
    loaded = await loadModel(fileURLToPath(new URL("../../../models/books-5m", import.meta.url)), { device });
    const record = device.record.bind(device);
    device.record = (op, inputs, attributes, types) => {
      const fault = decide(op.name);
      if (fault === "allocation") throw new OutOfMemory(op.name, 1, 0, 1);
      if (fault !== "op") return record(op, inputs, attributes, types);
      const [table, ids] = inputs;
      const wrong = device.tensor(new Int32Array(ids!.elements).fill(2 ** 30), ids!.shape, "i32");
      return record(op, [table, wrong], attributes, types);
    };
    expected = (await answers()).tokens;
  });

  afterAll(async () => {
    loaded.dispose();
    expect(device.memory().live).toBe(0);
    await device.close();
  });

  async function answers(): Promise<{ tokens: (readonly number[])[]; failedSteps: number }> {
    const requests: GenerateRequest[] = [
      { temperature: 0 },
      { temperature: 0.9, seed: 1, frequencyPenalty: 0.5 },
      { temperature: 0.9, seed: 2, logprobs: 3 },
      { temperature: 0, repetitionPenalty: 1.3 },
    ];
    const engine = createEngine({ model: loaded, limits: { maxRows: 12 } });
    const all = await Promise.all(
      requests.map((request, n) =>
        engine.complete({
          ...request,
          prompt: Array.from({ length: 5 + 9 * n }, (_, i) => 3 + ((i * i + 7 * n) % 900)),
          maxTokens: 24,
          ignoreEos: true,
        }),
      ),
    );
    const { failedSteps, blocks } = engine.stats();
    expect(blocks.free).toBe(blocks.total);
    await engine.close();
    return { tokens: all.map(({ tokens }) => tokens), failedSteps };
  }

  it.each<[Fault, string]>([
    ["op", "embedding"],
    ["allocation", "embedding"],
    ["allocation", "linear"],
    ["allocation", "sample"],
    ["allocation", "adjustLogits"],
    ["allocation", "mixTokens"],
  ])("gives the same answers: %s, %s", async (fault, name) => {
    const perStep = name === "linear" ? 43 : 1;
    let calls = 0;
    // Seldom enough that whom it struck was tried again alone before the next.
    decide = (op) => (op === name && ++calls % (17 * perStep) === 5 * perStep ? fault : undefined);
    const { tokens, failedSteps } = await answers();
    decide = () => undefined;
    expect(failedSteps).toBeGreaterThan(0);
    expect(tokens).toEqual(expected);
  });
});
