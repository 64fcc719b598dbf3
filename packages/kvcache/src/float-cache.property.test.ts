import { embedding, isWhittleError, reference, type SequenceId } from "@whittle/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { floatCache } from "./float-cache.js";
import { attendRows, batchOf, expectedRow, type TestRun, testShape } from "./test-rows.js";

const [blocks, blockSize] = [6, 3];

/** The naive model: the committed tokens of every open sequence. */
type Model = Map<SequenceId, number[]>;

const draftRows = fc.array(fc.nat(3), { minLength: 0, maxLength: 4 });
const rowsOfSequence = fc.record({ pick: fc.nat(20), plain: fc.nat(5), parents: draftRows, accept: fc.nat(15) });
const operation = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("truncate" as const), pick: fc.nat(20), length: fc.nat(12) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      sequences: fc.array(rowsOfSequence, { minLength: 1, maxLength: 3 }),
      tree: fc.boolean(),
      padding: fc.nat(2),
      end: fc.constantFrom("commit", "commit", "discard", "fail", "fail late"),
    }),
  },
);
type Step = Extract<typeof operation extends fc.Arbitrary<infer T> ? T : never, { kind: "step" }>;

it("gives what lists of tokens give, whatever is done to it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
      const device = reference();
      const cache = floatCache({ blockSize })([testShape], device, blocks * blockSize * 32);
      const model: Model = new Map();
      let token = 0;
      const pick = (n: number) => [...model.keys()][n % model.size]!;

      async function step({ sequences, tree, padding, end }: Step): Promise<void> {
        const ids = [...new Map(sequences.map((entry) => [pick(entry.pick), entry]))];
        const runs: TestRun[] = [{ sequence: -1, tokens: Array.from({ length: padding }, () => token++) }];
        const expected: (readonly [number, number[]])[] = runs[0]!.tokens.map((t) => [t, []]);
        const kept = new Map<SequenceId, number[]>();
        const accepted = new Map<SequenceId, Int32Array>();
        for (const [sequence, { plain, parents, accept }] of ids) {
          const before = model.get(sequence)!;
          const tokens = Array.from({ length: plain }, () => token++);
          runs.push({ sequence, tokens });
          tokens.forEach((t, i) => expected.push([t, [...before, ...tokens.slice(0, i + 1)]]));
          const draft = parents.map(() => token++);
          const paths = ancestorPaths(parents, tree);
          runs.push({ sequence, tokens: draft, held: true, earlier: plain, ...(tree && { tree: paths }) });
          draft.forEach((t, i) => expected.push([t, [...before, ...tokens, ...paths[i]!.map((j) => draft[j]!)]]));
          const chosen = draft.flatMap((_, i) => ((accept >> i) & 1 ? [i] : []));
          if (chosen.length > 0) accepted.set(sequence, Int32Array.from(chosen));
          kept.set(sequence, [...before, ...tokens, ...chosen.map((i) => draft[i]!)]);
        }
        const needed = ids.reduce((sum, [sequence, entry]) => {
          const before = model.get(sequence)!.length;
          return (
            sum + Math.ceil((before + entry.plain + entry.parents.length) / blockSize) - Math.ceil(before / blockSize)
          );
        }, 0);
        const batch = batchOf(device, runs);
        if (needed > freeIn(model)) {
          expect(() => cache.prepare(batch)).toThrow(expect.toSatisfy((error) => isWhittleError(error, "cache_full")));
          return;
        }
        const open = cache.prepare(batch);
        expect(cache.capacity().free).toBe(freeIn(model) - needed);
        if (end === "fail" || end === "fail late") {
          const failed = embedding({
            table: device.zeros([1, 4]),
            ids: device.tensor(new Int32Array(expected.length).fill(1), [expected.length], "i32"),
          });
          open.attend(0, device.zeros([expected.length, 8]), failed, failed);
          if (end === "fail late") open.commit(accepted);
          open.discard();
          return;
        }
        const rows = await attendRows(
          device,
          open,
          runs.flatMap((run) => run.tokens),
        );
        rows.forEach((row, i) =>
          expectedRow(...expected[i]!).forEach((value, j) => expect(row[j]).toBeCloseTo(value, 5)),
        );
        if (end === "discard") return open.discard();
        open.commit(accepted);
        for (const [sequence, tokens] of kept) model.set(sequence, tokens);
      }

      for (const op of operations) {
        if (op.kind === "open") model.set(cache.open().sequence, []);
        else if (model.size > 0) {
          if (op.kind === "step") await step(op);
          else if (op.kind === "close") {
            const sequence = pick(op.pick);
            cache.close(sequence);
            model.delete(sequence);
          } else {
            const tokens = model.get(pick(op.pick))!;
            const kept = Math.min(op.length, tokens.length);
            expect(cache.truncate(pick(op.pick), op.length)).toBe(kept);
            tokens.length = kept;
          }
        }
        for (const [sequence, tokens] of model) expect(cache.length(sequence)).toBe(tokens.length);
        expect(cache.capacity()).toEqual({ free: freeIn(model), total: blocks });
      }
    }),
    { numRuns: 150 },
  );
});

function freeIn(model: Model): number {
  return [...model.values()].reduce((free, tokens) => free - Math.ceil(tokens.length / blockSize), blocks);
}

/** For each draft row the rows that it sees, itself last: its parents up to the root, or without a tree all before it. */
function ancestorPaths(parents: readonly number[], tree: boolean): number[][] {
  const paths: number[][] = [];
  parents.forEach((parent, i) =>
    paths.push(tree ? [...(paths[parent] ?? []), i] : Array.from({ length: i + 1 }, (_, j) => j)),
  );
  return paths;
}
