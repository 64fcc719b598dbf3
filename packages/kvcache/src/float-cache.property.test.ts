import { embedding, isWhittleError, reference, type SequenceId } from "@whittle/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { floatCache } from "./float-cache.js";
import { NaiveCache } from "./test-naive-cache.js";
import { attendRows, batchOf, expectedRow, type TestRun, testShape } from "./test-rows.js";

const [blocks, blockSize] = [10, 3];

const rowsOfSequence = fc.record({
  pick: fc.nat(20),
  plain: fc.nat(5),
  parents: fc.array(fc.nat(3), { minLength: 0, maxLength: 4 }),
  accept: fc.nat(15),
});
const operations = {
  open: fc.record({ text: fc.nat(20), cut: fc.nat(14), more: fc.nat(2), salt: fc.constantFrom("", "", "a") }),
  close: fc.record({ pick: fc.nat(20) }),
  fork: fc.record({ pick: fc.nat(20) }),
  seal: fc.record({ pick: fc.nat(20), cut: fc.nat(2) }),
  truncate: fc.record({ pick: fc.nat(20), length: fc.nat(12) }),
  step: fc.record({
    sequences: fc.array(rowsOfSequence, { minLength: 1, maxLength: 3 }),
    tree: fc.boolean(),
    padding: fc.nat(2),
    end: fc.constantFrom("commit", "commit", "commit", "seal", "discard", "fail", "fail late", "seal and discard"),
  }),
};
type Step = typeof operations.step extends fc.Arbitrary<infer T> ? T : never;
const weights = { open: 3, close: 2, fork: 1, seal: 3, truncate: 1, step: 7 };
const operation = fc.oneof(
  ...Object.entries(operations).map(([kind, arbitrary]) => ({
    weight: weights[kind as keyof typeof weights],
    arbitrary: arbitrary.map((values: object) => ({ kind, ...values }) as Operation),
  })),
);
type Operation = {
  [K in keyof typeof operations]: { kind: K } & ((typeof operations)[K] extends fc.Arbitrary<infer T> ? T : never);
}[keyof typeof operations];

it("gives what lists of tokens give, whatever is done to it", async () => {
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60, size: "max" }), async (list) => {
      const run = new Run();
      for (const op of list) {
        if (op.kind === "open") run.open(op);
        else if (run.naive.sequences.size > 0) await run.apply(op);
        run.compare();
      }
      hits += run.naive.stats.prefixHits;
      run.end();
    }),
    { numRuns: 200 },
  );
  expect(hits).toBeGreaterThan(100);
});

/** The cache and its naive twin, to which the same is done. */
class Run {
  readonly naive = new NaiveCache(blocks, blockSize);
  private readonly device = reference();
  private readonly cache = floatCache({ blockSize })([testShape], this.device, blocks * blockSize * 32);
  /** Texts that were sealed, for prompts that begin like them. */
  private readonly texts: number[][] = [];
  /** What is left of each sequence's prompt. */
  private readonly prompts = new Map<SequenceId, number[]>();
  private token = 0;

  open({ text, cut, more, salt }: Operation & { kind: "open" }): void {
    const known = this.texts[text % this.texts.length] ?? [];
    const prompt = [...known.slice(0, cut), ...this.fresh(more)];
    const { sequence, cached } = this.cache.open(Int32Array.from(prompt), { salt });
    expect(cached).toBe(this.naive.open(sequence, prompt, salt));
    this.prompts.set(sequence, prompt.slice(cached));
  }

  async apply(op: Exclude<Operation, { kind: "open" }>): Promise<void> {
    if (op.kind === "step") return this.step(op);
    const sequence = this.pick(op.pick);
    const tokens = this.naive.tokens(sequence);
    if (op.kind === "close") {
      this.cache.close(sequence);
      this.naive.close(sequence);
    } else if (op.kind === "fork") {
      const fork = this.cache.fork(sequence);
      this.naive.fork(sequence, fork);
      this.prompts.set(fork, [...this.prompts.get(sequence)!]);
    } else if (op.kind === "seal") {
      this.seal(sequence, op.cut);
    } else {
      const kept = Math.min(op.length, tokens.length);
      expect(this.cache.truncate(sequence, op.length)).toBe(kept);
      this.prompts.set(sequence, [...tokens.slice(kept), ...this.prompts.get(sequence)!]);
      this.naive.settle(sequence, tokens.slice(0, kept));
    }
  }

  compare(): void {
    for (const [sequence, { tokens }] of this.naive.sequences) {
      expect(this.cache.length(sequence)).toBe(tokens.length);
      for (const rows of [0, 1, 4]) expect(this.cache.cost(sequence, rows)).toBe(this.naive.cost(sequence, rows));
    }
    expect(this.cache.capacity()).toEqual({ free: this.naive.free, total: blocks });
    expect(this.cache.stats!()).toEqual(this.naive.stats);
  }

  /** Nothing leaks: once all are closed every block is free, and can be had. */
  end(): void {
    for (const sequence of this.naive.sequences.keys()) {
      this.cache.close(sequence);
      this.naive.close(sequence);
    }
    const { sequence } = this.cache.open();
    const all = { sequence, tokens: this.fresh(blocks * blockSize) };
    expect(this.cache.capacity().free).toBe(blocks);
    this.cache.prepare(batchOf(this.device, [all])).commit();
    expect(this.cache.capacity().free).toBe(0);
    this.cache.close(sequence);
    expect(this.cache.capacity().free).toBe(blocks);
  }

  private async step({ sequences, tree, padding, end }: Step): Promise<void> {
    const { cache, naive, device } = this;
    const ids = [...new Map(sequences.map((entry) => [this.pick(entry.pick), entry]))];
    const runs: TestRun[] = [{ sequence: -1, tokens: this.fresh(padding) }];
    const expected: (readonly [number, number[]])[] = runs[0]!.tokens.map((t) => [t, []]);
    const kept = new Map<SequenceId, number[]>();
    const accepted = new Map<SequenceId, Int32Array>();
    for (const [sequence, { plain, parents, accept }] of ids) {
      const before = naive.tokens(sequence);
      const prompt = this.prompts.get(sequence)!.slice(0, plain);
      const tokens = [...prompt, ...this.fresh(plain - prompt.length)];
      runs.push({ sequence, tokens });
      tokens.forEach((t, i) => expected.push([t, [...before, ...tokens.slice(0, i + 1)]]));
      const draft = this.fresh(parents.length);
      const paths = ancestorPaths(parents, tree);
      runs.push({ sequence, tokens: draft, held: true, earlier: plain, ...(tree && { tree: paths }) });
      draft.forEach((t, i) => expected.push([t, [...before, ...tokens, ...paths[i]!.map((j) => draft[j]!)]]));
      const chosen = draft.flatMap((_, i) => ((accept >> i) & 1 ? [i] : []));
      if (chosen.length > 0) accepted.set(sequence, Int32Array.from(chosen));
      kept.set(sequence, [...before, ...tokens, ...chosen.map((i) => draft[i]!)]);
    }
    const rowsOf = ({ plain, parents }: (typeof sequences)[number]) => plain + parents.length;
    const needed = ids.reduce((sum, [sequence, entry]) => sum + naive.cost(sequence, rowsOf(entry)), 0);
    const batch = batchOf(device, runs);
    if (needed > naive.free) {
      expect(() => cache.prepare(batch)).toThrow(expect.toSatisfy((error) => isWhittleError(error, "cache_full")));
      return;
    }
    const open = cache.prepare(batch);
    for (const [sequence, entry] of ids) naive.extend(sequence, rowsOf(entry));
    const undo = ids.map(([sequence]) => {
      const { tokens, copied } = naive.sequences.get(sequence)!;
      return () => naive.recall(sequence, tokens.length, copied !== undefined);
    });
    expect(cache.capacity().free).toBe(naive.free);
    if (end.startsWith("fail")) {
      const failed = embedding({
        table: device.zeros([1, 4]),
        ids: device.tensor(new Int32Array(expected.length).fill(1), [expected.length], "i32"),
      });
      open.attend(0, device.zeros([expected.length, 8]), failed, failed);
    } else {
      const tokens = runs.flatMap((run) => run.tokens);
      (await attendRows(device, open, tokens)).forEach((row, i) =>
        expectedRow(...expected[i]!).forEach((value, j) => expect(row[j]).toBeCloseTo(value, 5)),
      );
    }
    if (end === "fail" || end === "discard") {
      open.discard();
      for (const [sequence] of ids) naive.revert(sequence);
      return;
    }
    open.commit(accepted);
    for (const [sequence, tokens] of kept) naive.settle(sequence, tokens);
    if (end.startsWith("seal")) for (const [sequence] of ids) this.seal(sequence, 0);
    if (end === "commit" || end === "seal") {
      for (const [sequence, { plain }] of ids) this.prompts.get(sequence)!.splice(0, plain);
      return;
    }
    open.discard();
    for (const back of undo) back();
  }

  private seal(sequence: SequenceId, cut: number): void {
    const tokens = this.naive.tokens(sequence);
    const text = tokens.slice(0, Math.max(0, tokens.length - cut));
    this.cache.seal(sequence, Int32Array.from(text));
    this.naive.seal(sequence, text.length);
    this.texts.push(text);
  }

  private pick(n: number): SequenceId {
    return [...this.naive.sequences.keys()][n % this.naive.sequences.size]!;
  }

  private fresh(count: number): number[] {
    return Array.from({ length: Math.max(0, count) }, () => this.token++);
  }
}

/** For each draft row the rows that it sees, itself last: its parents up to the root, or without a tree all before it. */
function ancestorPaths(parents: readonly number[], tree: boolean): number[][] {
  const paths: number[][] = [];
  parents.forEach((parent, i) =>
    paths.push(tree ? [...(paths[parent] ?? []), i] : Array.from({ length: i + 1 }, (_, j) => j)),
  );
  return paths;
}
