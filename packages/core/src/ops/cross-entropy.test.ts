import { expect, test } from "vitest";
import { reference } from "../reference-device.js";
import { crossEntropy } from "./cross-entropy.js";

const device = reference();
const lossOf = async (logits: number[][], targets: number[]) => {
  const x = device.tensor(logits.flat(), [logits.length, logits[0]!.length]);
  return [...(await crossEntropy({ logits: x, targets: device.tensor(targets, [targets.length], "i32") }).read())];
};

test("is the logarithm of a fair die's sides, and of a likely target's odds", async () => {
  const [fair, likely, shifted] = await lossOf(
    [
      [2, 2, 2, 2, 2, 2],
      [Math.log(9), 0, -Infinity, -Infinity, -Infinity, -Infinity],
      [1009, 1000, 0, 0, 0, 0],
    ],
    [4, 0, 1],
  );
  expect(fair).toBeCloseTo(Math.log(6), 6);
  expect(likely).toBeCloseTo(-Math.log(0.9), 6);
  expect(shifted).toBeCloseTo(9 + Math.log1p(Math.exp(-9)), 6);
});

test("is 0 where there is nothing to predict, and infinite where the target is impossible", async () => {
  expect(
    await lossOf(
      [
        [1, 2],
        [0, -Infinity],
      ],
      [-1, 1],
    ),
  ).toEqual([0, Infinity]);
});

test("fails on a target outside of the vocabulary", async () => {
  await expect(lossOf([[1, 2]], [2])).rejects.toThrow("target 2 in row 0 is outside of the vocabulary of 2");
});
