import { fileURLToPath } from "node:url";
import { type Device, type KVCache } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel, type LoadedModel } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allLogits, batch, chunkedLogits, greedy } from "./greedy.js";

const folders = ["tests/fixtures/goldens/gpt2", "tests/fixtures/goldens/llama-gqa", "models/books-5m"];
const blockSize = 8;

describe.each(folders)("%s", (folder) => {
  let device: Device;
  let loaded: LoadedModel;
  beforeAll(async () => {
    device = await cpu();
    loaded = await loadModel(fileURLToPath(new URL(`../../../${folder}`, import.meta.url)), { device });
  });
  afterAll(() => device.close());

  const textOf = (length: number, seed = 0) =>
    Int32Array.from({ length }, (_, i) => (7 * i * i + 31 * seed + 3) % loaded.config.vocabSize);

  function cacheOf(blocks: number, dtype: "f32" | "bf16" = "f32"): KVCache {
    const { layers } = loaded.model.shape;
    const tokenBytes = layers.reduce((bytes, { kvHeads, headDim }) => bytes + 2 * kvHeads * headDim * 4, 0);
    return floatCache({ blockSize, dtype })(layers, device, blocks * blockSize * tokenBytes);
  }

  interface Part {
    readonly sequence: number;
    readonly ids: ArrayLike<number>;
  }

  /** Records a step with more rows of several sequences, and commits it. */
  function record(cache: KVCache, parts: readonly Part[]) {
    return device.scope(() => {
      const rows = parts.map(({ sequence, ids }) => {
        return { sequence, ids: Array.from(ids), position: cache.length(sequence) };
      });
      const inputs = batch(device, rows, true);
      const step = cache.prepare(inputs);
      const read = loaded.model.forward(inputs, step).logits.read();
      step.commit();
      return { step, read };
    });
  }

  /** The logits of each sequence's rows. */
  async function extend(cache: KVCache, ...parts: Part[]) {
    const all = await record(cache, parts).read;
    let row = 0;
    return parts.map(({ ids }) => {
      const [from, to] = [row, (row += ids.length)];
      return all.slice(from * loaded.model.shape.vocabSize, to * loaded.model.shape.vocabSize);
    });
  }

  const lastRows = (logits: ArrayLike<number>, rows: number) =>
    Array.from(logits).slice(logits.length - rows * loaded.model.shape.vocabSize);

  it.each(["f32", "bf16"] as const)("a prefix hit in a cache of %s changes no bit of what follows", async (dtype) => {
    const text = textOf(45);
    const whole = await chunkedLogits(loaded.model, device, [...text], {
      cache: floatCache({ blockSize, dtype }),
      chunk: 45,
    });
    const cache = cacheOf(16, dtype);
    const first = cache.open(text.slice(0, 30)).sequence;
    await extend(cache, { sequence: first, ids: text.slice(0, 11) });
    await extend(cache, { sequence: first, ids: text.slice(11, 30) });
    cache.seal(first, text.slice(0, 30));
    const beside = cache.open(text);
    cache.close(first);
    const after = cache.open(text);
    expect([beside.cached, after.cached]).toEqual([24, 24]);
    const [a, b] = await extend(
      cache,
      { sequence: beside.sequence, ids: text.slice(24) },
      { sequence: after.sequence, ids: text.slice(24) },
    );
    expect(Array.from(a!)).toEqual(lastRows(whole, 21));
    expect(Array.from(b!)).toEqual(lastRows(whole, 21));
    cache.dispose();
  });

  it("the next turn of a conversation finds the one before, its answer included", async () => {
    const prompt = textOf(13);
    const cache = cacheOf(16);
    const turn = async (text: Int32Array): Promise<[cached: number, answer: number[]]> => {
      const { sequence, cached } = cache.open(text);
      const ids = Array.from(text);
      for (let next = ids.slice(cached); ids.length < text.length + 9; next = ids.slice(-1)) {
        const [logits] = await extend(cache, { sequence, ids: next });
        const row = lastRows(logits!, 1);
        ids.push(row.indexOf(Math.max(...row)));
        cache.seal(sequence, Int32Array.from(ids.slice(0, -1)));
      }
      cache.close(sequence);
      return [cached, ids.slice(text.length)];
    };
    const alone = async (text: Int32Array) =>
      (await greedy(loaded.model, device, [{ prompt: text, tokens: 9 }], { cache: floatCache({ blockSize }) }))[0]!;
    const [cold, answer] = await turn(prompt);
    expect([cold, answer]).toEqual([0, await alone(prompt)]);
    const second = Int32Array.from([...prompt, ...answer, ...textOf(7, 1)]);
    expect(await turn(second)).toEqual([16, await alone(second)]);
    cache.dispose();
  });

  it("forks, and forks of forks, give the bits of lone texts", async () => {
    const prompt = textOf(19);
    const texts = [0, 1, 2, 3].map((n) => Int32Array.from([...prompt, ...textOf(10, n + 1)]));
    const cache = cacheOf(16);
    const first = cache.open(prompt).sequence;
    await extend(cache, { sequence: first, ids: prompt });
    const sequences = [first, cache.fork(first), cache.fork(first)];
    sequences.push(cache.fork(sequences[2]!));
    const got: number[][] = texts.map(() => []);
    // All write to the shared block in one step, or one after another; then go on at different speeds.
    const steps = [[1], [0, 2, 3], [3], [0, 1, 2, 3], [2, 1]];
    for (const step of [...steps, ...steps]) {
      const parts = step.map((n) => {
        const at = cache.length(sequences[n]!);
        return { sequence: sequences[n]!, ids: texts[n]!.slice(at, at + 2) };
      });
      const logits = await extend(cache, ...parts.filter(({ ids }) => ids.length > 0));
      step.filter((_, i) => parts[i]!.ids.length > 0).forEach((n, i) => got[n]!.push(...Array.from(logits[i]!)));
    }
    for (const [n, text] of texts.entries()) {
      const rows = cache.length(sequences[n]!) - prompt.length;
      expect(rows).toBeGreaterThan(4);
      const expected = await allLogits(loaded.model, device, Array.from(text.slice(0, prompt.length + rows)));
      expect(got[n]).toEqual(lastRows(expected, rows));
      cache.close(sequences[n]!);
    }
    expect(cache.capacity()).toEqual({ free: 16, total: 16 });
    cache.dispose();
  });

  it("a fork whose first step stood behind a failed one goes on as if neither had been", async () => {
    const [prompt, ends] = [textOf(19), [textOf(6, 1), textOf(6, 2)]];
    const cache = cacheOf(16);
    const { sequence } = cache.open(prompt);
    await extend(cache, { sequence, ids: prompt });
    const fork = cache.fork(sequence);
    const bad = record(cache, [{ sequence: cache.open().sequence, ids: [loaded.config.vocabSize + 3] }]);
    const behind = record(cache, [{ sequence: fork, ids: ends[0]!.slice(0, 1) }]);
    await expect(bad.read).rejects.toMatchObject({ code: "device", op: "embedding" });
    await expect(behind.read).rejects.toMatchObject({ code: "device" });
    behind.step.discard();
    bad.step.discard();
    // What the fork had of the shared block is in doubt, and computed again.
    expect([cache.length(sequence), cache.length(fork)]).toEqual([19, 16]);
    const logits = await extend(
      cache,
      { sequence: fork, ids: [...prompt.slice(16), ...ends[0]!] },
      { sequence, ids: ends[1]! },
    );
    for (const [n, end] of ends.entries()) {
      const expected = await allLogits(loaded.model, device, [...prompt, ...end]);
      expect(lastRows(logits[n]!, end.length)).toEqual(lastRows(expected, end.length));
    }
    cache.dispose();
  });

  it("stays right where texts drive each other out", async () => {
    const texts = [20, 33, 9, 25].map((length, n) => textOf(length, n % 3));
    const cold = await Promise.all(texts.map((text) => allLogits(loaded.model, device, [...text])));
    const cache = cacheOf(6);
    for (let visit = 0; visit < 32; visit++) {
      const n = (visit * visit + (visit >> 2)) % texts.length;
      const text = texts[n]!;
      const { sequence, cached } = cache.open(text);
      const [logits] = await extend(cache, { sequence, ids: text.slice(cached) });
      expect(Array.from(logits!)).toEqual(lastRows(cold[n]!, text.length - cached));
      cache.seal(sequence, text);
      cache.close(sequence);
      expect(cache.capacity().free).toBe(6);
    }
    const { prefixHits, evictions } = cache.stats!();
    expect(prefixHits).toBeGreaterThan(32);
    expect(evictions).toBeGreaterThan(8);
    cache.dispose();
  });
});
