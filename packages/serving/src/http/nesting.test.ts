import { expect, it } from "vitest";
import { nestsDeeperThan } from "./nesting.js";

it.each<[unknown, number]>([
  [5, 0],
  ["[[[[", 0],
  ['"[{\\', 0],
  [[], 1],
  [{ "[[[": ["{{{", '\\"[', {}] }, 3],
  [[[], [[]], []], 3],
])("counts brackets, but not in strings: %j is %d deep", (value, depth) => {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  expect(nestsDeeperThan(depth, bytes)).toBe(false);
  if (depth > 0) expect(nestsDeeperThan(depth - 1, bytes)).toBe(true);
});

it("ends at the first bracket too many", () => {
  expect(nestsDeeperThan(64, new TextEncoder().encode("[".repeat(65)))).toBe(true);
  expect(nestsDeeperThan(64, new TextEncoder().encode("[".repeat(64)))).toBe(false);
});
