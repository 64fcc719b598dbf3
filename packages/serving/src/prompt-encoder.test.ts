import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTokenizer, type Tokenizer } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PromptEncoder } from "./prompt-encoder.js";
import { type ServedModel } from "./served-model.js";
import { randomModel } from "./testing/toy-models.js";

const path = fileURLToPath(new URL("../../models/fixtures/tokenizers/byte-level", import.meta.url));
const encoder = new PromptEncoder();
let tokenizer: Tokenizer;
let model: ServedModel;
const long = "The quick brown fox. ".repeat(1000);

beforeAll(async () => {
  tokenizer = await loadTokenizer(path);
  model = { ...randomModel(1), tokenizer, path };
});
afterAll(() => encoder.close());

/** The model, whose own tokenizer must not be asked. */
const elsewhere = (): ServedModel => ({
  ...model,
  tokenizer: new Proxy(tokenizer, {
    get(target, name) {
      if (name === "encode" || name === "encodeChat") throw new Error("asked on the main thread");
      return Reflect.get(target, name) as unknown;
    },
  }),
});

describe("long texts", () => {
  it("are made ids on another thread, the same ones", async () => {
    const [one, two] = await encoder.encode(elsewhere(), [long, [1, 2]], { addSpecialTokens: false });
    expect(Array.from(one!)).toEqual([...tokenizer.encode(long, { addSpecialTokens: false })]);
    expect(two).toEqual([1, 2]);
  });

  it("are so too by a thread that was made ready before, and by one that could not be", async () => {
    const ready = new PromptEncoder();
    ready.prepare(model);
    ready.prepare({ ...model, path: join(path, "nowhere") });
    expect(Array.from((await ready.encode(elsewhere(), [long]))[0]!)).toEqual([...tokenizer.encode(long)]);
    await ready.close();
  });

  it("are so too when many short ones come together", async () => {
    const texts = Array.from({ length: 100 }, (_, i) => `text ${i} `.repeat(10));
    const ids = await encoder.encode(elsewhere(), texts);
    expect(ids.map((one) => Array.from(one))).toEqual(texts.map((text) => [...tokenizer.encode(text)]));
  });

  it("are not waited for by a client that left", async () => {
    const controller = new AbortController();
    const encoding = encoder.encode(model, [long.repeat(20)], {}, controller.signal);
    controller.abort(new Error("gone"));
    await expect(encoding).rejects.toThrow("gone");
    await expect(encoder.encode(model, [long], {}, controller.signal)).rejects.toThrow("gone");
  });

  it("are refused when too many wait", async () => {
    const crowded = new PromptEncoder();
    const all = await Promise.allSettled(Array.from({ length: 70 }, () => crowded.encode(model, [long])));
    const refused = all.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(Array(6).fill("overloaded"));
    await crowded.close();
  });

  it("whose tokenizer is gone are an error, and those of others go on", async () => {
    const copy = await mkdtemp(join(tmpdir(), "whittle-tokenizer-"));
    await expect(encoder.encode({ ...model, path: copy }, [long])).rejects.toMatchObject({ code: "tokenizer" });
    await cp(path, copy, { recursive: true });
    expect((await encoder.encode({ ...model, path: copy }, [long]))[0]!.length).toBeGreaterThan(1000);
    await rm(copy, { recursive: true });
  });

  it("fail when the thread ends in the middle, and the next ones have a new one", async () => {
    const mortal = new PromptEncoder();
    const encoding = mortal.encode(model, [long.repeat(20)]);
    await mortal.close();
    await expect(encoding).rejects.toMatchObject({ code: "worker_failed" });
    expect((await mortal.encode(model, [long]))[0]!.length).toBeGreaterThan(1000);
    await mortal.close();
  });
});

describe("short texts", () => {
  it("are made ids at once, and so are those of a model without files", async () => {
    expect(Array.from((await encoder.encode(model, ["Hi"]))[0]!)).toEqual([...tokenizer.encode("Hi")]);
    const { path: _, ...nowhere } = model;
    expect((await encoder.encode(nowhere, [long]))[0]).toEqual(tokenizer.encode(long));
  });
});
