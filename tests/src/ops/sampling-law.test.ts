import { type Device, HostTensor, reference, sample, samplingLaw } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../conformance/index.js";

const draws = 20_000;
const vocab = 60;

/** The statistic may pass this once in a million laws that are right (Wilson & Hilferty 1931, z = 4.75). */
function largestChiSquare(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 4.75 * Math.sqrt(spread)) ** 3;
}

/** Pearson's statistic of counts against a law, the rare ids (fewer than 5 expected) thrown together. */
function chiSquare(
  ids: ArrayLike<number>,
  law: readonly [number, number][],
): { statistic: number; freedom: number; outside: number } {
  const counts = new Map<number, number>();
  for (let i = 0; i < ids.length; i++) counts.set(ids[i]!, (counts.get(ids[i]!) ?? 0) + 1);
  let [statistic, cells, restExpected, restSeen, inside] = [0, 0, 0, 0, 0];
  for (const [id, probability] of law) {
    const seen = counts.get(id) ?? 0;
    const expected = probability * ids.length;
    inside += seen;
    if (expected < 5) {
      restExpected += expected;
      restSeen += seen;
      continue;
    }
    statistic += (seen - expected) ** 2 / expected;
    cells++;
  }
  if (restExpected >= 5) {
    statistic += (restSeen - restExpected) ** 2 / restExpected;
    cells++;
  }
  return { statistic, freedom: Math.max(1, cells - 1), outside: ids.length - inside };
}

const random = new Random(7);
const logits = Array.from({ length: vocab }, () => random.normal() * 2);

async function draw(
  device: Device,
  settings: readonly number[],
  positions: (i: number) => number = (i) => i,
): Promise<ArrayLike<number>> {
  const ids = sample({
    logits: device.tensor(Array.from({ length: draws }, () => logits).flat(), [draws, vocab]),
    settings: device.tensor(Array.from({ length: draws }, () => settings).flat(), [draws, 4]),
    keys: device.tensor(
      Array.from({ length: draws }, (_, i) => [1234, 5, i % 3, positions(i)]).flat(),
      [draws, 4],
      "i32",
    ),
  });
  return ids.read();
}

function lawOf(settings: readonly number[]): [number, number][] {
  const host = HostTensor.zeros([1, 4], "f32");
  settings.forEach((value, i) => host.set(value, 0, i));
  const row = HostTensor.zeros([1, vocab], "f32");
  logits.forEach((value, i) => row.set(value, 0, i));
  return samplingLaw(row, host, 0);
}

describe("the law of sampled ids on cpu()", () => {
  let device: Device;
  beforeAll(async () => {
    device = await cpu({ memoryBytes: 2 ** 28 });
  });
  afterAll(() => device.close());

  it.each([
    ["temperature 1", [1, 0, 1, 0]],
    ["temperature 0.6", [0.6, 0, 1, 0]],
    ["top-k 12", [1, 12, 1, 0]],
    ["top-p 0.8", [1, 0, 0.8, 0]],
    ["min-p 0.1", [1, 0, 1, 0.1]],
    ["all of them", [1.3, 30, 0.9, 0.02]],
  ])("is the softmax's, cut and renormalised: %s", async (_name, settings) => {
    const { statistic, freedom, outside } = chiSquare(await draw(device, settings), lawOf(settings));
    expect(outside).toBe(0);
    expect(statistic).toBeLessThan(largestChiSquare(freedom));
  });

  it.each([
    ["draws at another temperature", [1.05, 0, 1, 0], [1, 0, 1, 0]],
    ["forgets to renormalise top-p", [1, 0, 0.8, 0], [1, 0, 0.75, 0]],
    ["keeps one id too many", [1, 13, 1, 0], [1, 12, 1, 0]],
  ])("catches a sampler that %s", async (_name, drawn, claimed) => {
    const { statistic, freedom, outside } = chiSquare(await draw(device, drawn), lawOf(claimed));
    expect(outside > 0 || statistic > largestChiSquare(freedom)).toBe(true);
  });

  it("catches a sampler whose random numbers repeat", async () => {
    const ids = await draw(device, [1, 0, 1, 0], (i) => i % 50);
    const { statistic, freedom } = chiSquare(ids, lawOf([1, 0, 1, 0]));
    expect(statistic).toBeGreaterThan(largestChiSquare(freedom));
  });

  it("draws what the reference draws, row by row", async () => {
    const few = { settings: [1, 20, 0.95, 0] };
    const host = reference();
    const [ours, theirs] = await Promise.all([draw(device, few.settings), drawFew(host, few.settings)]);
    const same = Array.from(theirs).filter((id, i) => id === ours[i]).length;
    expect(same).toBeGreaterThanOrEqual(theirs.length - 1);
  });
});

/** The first 200 of `draw`'s rows: the reference is slow. */
async function drawFew(device: Device, settings: readonly number[]): Promise<ArrayLike<number>> {
  const few = 200;
  const ids = sample({
    logits: device.tensor(Array.from({ length: few }, () => logits).flat(), [few, vocab]),
    settings: device.tensor(Array.from({ length: few }, () => settings).flat(), [few, 4]),
    keys: device.tensor(Array.from({ length: few }, (_, i) => [1234, 5, i % 3, i]).flat(), [few, 4], "i32"),
  });
  return ids.read();
}
