import { fileURLToPath } from "node:url";
import { type Device, type RowBatch } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allLogits } from "./greedy.js";

/** A token of a draft tree. `path`: whether it is the next token on the path that will be accepted. */
interface Draft {
  readonly token: number;
  /** Its parent's place among the draft rows; -1: the plain row before them. */
  readonly parent: number;
  readonly path: boolean;
}

describe.each(["llama-gqa", "gpt2", "mistral-sharded"])("draft trees on %s", (name) => {
  let device: Device;
  beforeAll(async () => {
    device = await cpu();
  });
  afterAll(() => device.close());

  it("give on the accepted path, and after it, the bits of the plain sequence", async () => {
    const { model } = await loadModel(fileURLToPath(new URL(`../../fixtures/goldens/${name}`, import.meta.url)), {
      device,
    });
    const ids = Array.from({ length: 60 }, (_, i) => (11 * i * i + i) % model.shape.vocabSize);
    const expected = await allLogits(model, device, ids);
    const vocab = model.shape.vocabSize;
    const rowOf = (logits: ArrayLike<number>, row: number) => Array.from(logits).slice(row * vocab, (row + 1) * vocab);

    const cache = floatCache({ blockSize: 8 })(model.shape.layers, device, 2 ** 22);
    const [{ sequence }, { sequence: other }] = [cache.open(), cache.open()];
    for (let at = 0; at + 5 < ids.length;) {
      // One plain row, then a tree whose accepted path is 1, 2 or 3 deep and lies among wrong branches; beside it a row of another sequence.
      const depth = (at % 3) + 1;
      const drafts: Draft[] = [];
      let parent = -1;
      for (let d = 1; d <= depth; d++) {
        drafts.push({ token: (ids[at + d]! + 1) % vocab, parent, path: false });
        drafts.push({ token: ids[at + d]!, parent, path: true });
        parent = drafts.length - 1;
        drafts.push({ token: (ids[at + d]! + 2) % vocab, parent: drafts.length - 2, path: false });
      }
      const rows = batchOf(ids[at]!, at, drafts);
      const step = cache.prepare(rows);
      const logits = device.scope(() => model.forward(rows, step).logits);
      const accepted = [...drafts.keys()].filter((i) => drafts[i]!.path);
      step.commit(new Map([[sequence, Int32Array.from(accepted)]]));
      const values = await logits.read();
      [0, ...accepted.map((i) => i + 1)].forEach((row, n) =>
        expect(rowOf(values, row)).toEqual(rowOf(expected, at + n)),
      );
      at += 1 + depth;
      expect(cache.length(sequence)).toBe(at);
    }

    function batchOf(plain: number, position: number, drafts: readonly Draft[]): RowBatch {
      const ints = (list: readonly number[], shape = [list.length]) => device.tensor(list, shape, "i32");
      const depths: number[] = [];
      const masks: number[] = [];
      drafts.forEach(({ parent }, i) => {
        depths.push(parent < 0 ? 1 : depths[parent]! + 1);
        // Bit 0 is the plain row.
        masks.push((parent < 0 ? 1 : masks[parent]!) | (1 << (i + 1)));
      });
      const count = 1 + drafts.length;
      return {
        tokens: ints([plain, ...drafts.map(({ token }) => token), 5]),
        positions: ints([position, ...depths.map((depth) => position + depth), cache.length(other)]),
        ancestors: ints([0, ...masks, 0], [count + 1, 1]),
        wanted: ints(Array.from({ length: count }, (_, i) => i)),
        runs: [
          { sequence, from: 0, count: 1, held: false },
          { sequence, from: 1, count: drafts.length, held: true },
          { sequence: other, from: count, count: 1, held: false },
        ],
      };
    }
  });
});
