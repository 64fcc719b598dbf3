import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pruneByMagnitude } from "../models/magnitude.js";
import { model, root, whittle } from "./whittle.js";

let folder: string;
const inside = (name: string) => path.join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "whittle-convert-"));
  await pruneByMagnitude(path.join(root, model), inside("pruned"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function textOf(name: string, ...options: string[]): Promise<{ out: string; err: string }> {
  const asked = ["--prompt", "It was a dark night", "--max-tokens", "12", "--temperature", "0"];
  const { code, out, err } = await whittle(["generate", inside(name), ...asked, ...options]);
  expect(code, err).toBe(0);
  return { out, err };
}

test("whittle convert leaves zeros out and puts them back; the model says the same", async () => {
  const packed = await whittle(["convert", inside("pruned"), inside("sparse"), "--format", "sparse24"]);
  expect(packed).toMatchObject({ code: 0, out: "" });
  expect(packed.err).toMatch(/\d+ weights as sparse24: [\d.]+ MiB in [\d.]+ MiB, 50\.0 % zeros\n$/);
  expect(await whittle(["convert", inside("sparse"), inside("dense"), "--format", "dense"])).toMatchObject({ code: 0 });
  const { out } = await textOf("pruned");
  expect(out.length).toBeGreaterThan(10);
  for (const name of ["sparse", "dense"]) expect((await textOf(name)).out).toBe(out);
  const onLoad = await textOf("pruned", "--weights", "sparseMask");
  expect(onLoad.out).toBe(out);
  expect(onLoad.err).toContain("weights as sparseMask");
});

test("a folder that holds something is not written to", async () => {
  const { code, err } = await whittle(["convert", inside("pruned"), inside("pruned"), "--format", "sparse24"]);
  expect(code).toBe(1);
  expect(err).toContain("is not empty");
});
