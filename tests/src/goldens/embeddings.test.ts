import { readFileSync } from "node:fs";
import { type Device, reference } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, embed } from "@whittle/serving";
import { expect, it } from "vitest";
import { distance, goldenNames, readGolden, TOLERANCE } from "./golden.js";

/** A part of a golden's ids, and the vectors that transformers makes of it. */
interface PooledPart {
  readonly from: number;
  readonly to: number;
  readonly mean: readonly number[];
  readonly last: readonly number[];
}

const goldens = await Promise.all((await goldenNames()).map(readGolden));
const devices: [string, () => Device | Promise<Device>][] = [
  ["the reference device", reference],
  ["the CPU", cpu],
];

it.each(devices.flatMap(([name, open]) => goldens.map((golden) => [golden.name, name, golden, open] as const)))(
  "embeddings of %s on %s are those of transformers, several texts at once",
  async (_model, _device, { folder, ids }, open) => {
    const parts = JSON.parse(readFileSync(`${folder}/embeddings.json`, "utf8")) as PooledPart[];
    const device = await open();
    const model = await loadModel(folder, { device });
    const engine = createEngine({ model });
    const texts = parts.map(({ from, to }) => ids.slice(from, to));
    for (const pooling of ["mean", "last"] as const) {
      const vectors = await embed(engine, texts, { pooling });
      for (const [i, part] of parts.entries()) {
        expect(distance(vectors[i]!, Float32Array.from(part[pooling]))).toBeLessThanOrEqual(TOLERANCE);
        expect(Math.hypot(...vectors[i]!)).toBeCloseTo(1, 5);
      }
      // The two poolings are told apart, and so are texts.
      const other = parts[0]![pooling === "mean" ? "last" : "mean"];
      expect(distance(vectors[0]!, Float32Array.from(other))).toBeGreaterThan(100 * TOLERANCE);
    }
    await engine.close();
    model.dispose();
    await device.close();
  },
);
