import { expect, it } from "vitest";
import { describeSparsity } from "./describe-sparsity.js";

it("says what weights without their zeros take, and what stayed whole and why", () => {
  const site = { site: "layers.1.mlp.down", shape: [4, 64], zeros: 0.5, bytesBefore: 512, bytesAfter: 288 };
  const kept = [{ site: "layers.0.mlp.up", reason: "3 of 64 groups of 4 have more than 2 elements" }];
  expect(describeSparsity({ format: "sparse24", sites: [site, { ...site, zeros: 0.75 }], kept })).toBe(
    "2 weights as sparse24: 1.0 KiB in 576 B, 62.5 % zeros; 1 kept: layers.0.mlp.up, 3 of 64 groups of 4 have more than 2 elements",
  );
  expect(describeSparsity({ format: "dense", sites: [], kept: [] })).toBe("0 weights as dense: 0 B in 0 B");
});
