import { type CacheStep, type Device, type RowBatch, type SequenceId, type Tensor } from "@whittle/core";

/** Tests stand on one small attention: every token is a number that its key, value and query follow from. */
export const testShape = { heads: 4, kvHeads: 2, headDim: 2 };
const width = testShape.kvHeads * testShape.headDim;

const keyOf = (token: number) => Array.from({ length: width }, (_, i) => Math.sin(token * 1.3 + i));
const valueOf = (token: number) => Array.from({ length: width }, (_, i) => Math.cos(token * 0.7 + 2 * i));
const queryOf = (token: number) =>
  Array.from({ length: testShape.heads * testShape.headDim }, (_, i) => 2 * Math.sin(token * 2.1 + 3 * i));

/** One run of a test's batch. `tree`: for each row which rows of the run it sees (indices, itself included). */
export interface TestRun {
  readonly sequence: SequenceId;
  readonly tokens: readonly number[];
  readonly held?: boolean;
  readonly tree?: readonly (readonly number[])[];
  /** Uncommitted rows of this sequence in earlier runs of the batch; a tree's rows see them all. Default: 0. */
  readonly earlier?: number;
}

export function batchOf(device: Device, runs: readonly TestRun[]): RowBatch {
  const tokens = runs.flatMap((run) => run.tokens);
  const masks = new Int32Array(tokens.length);
  let from = 0;
  const placed = runs.map((run) => {
    run.tree?.forEach((seen, i) => {
      const earlier = run.earlier ?? 0;
      masks[from + i] = (2 ** earlier - 1) | seen.reduce((bits, j) => bits | (1 << (earlier + j)), 0);
    });
    const { sequence, held = false } = run;
    from += run.tokens.length;
    return { sequence, from: from - run.tokens.length, count: run.tokens.length, held };
  });
  return {
    tokens: device.tensor(tokens, [tokens.length], "i32"),
    positions: device.tensor(new Int32Array(tokens.length), [tokens.length], "i32"),
    runs: placed,
    wanted: device.tensor([], [0], "i32"),
    ...(runs.some((run) => run.tree) && { ancestors: device.tensor(masks, [tokens.length, 1], "i32") }),
  };
}

/** Attends layer 0 with the rows' own queries, keys and values; gives one array a row. */
export async function attendRows(device: Device, step: CacheStep, tokens: readonly number[]): Promise<number[][]> {
  const matrix = (of: (token: number) => number[]): Tensor =>
    device.tensor(tokens.flatMap(of), [tokens.length, of(0).length]);
  const out = await step.attend(0, matrix(queryOf), matrix(keyOf), matrix(valueOf)).read();
  const columns = testShape.heads * testShape.headDim;
  return tokens.map((_, row) => Array.from(out.slice(row * columns, (row + 1) * columns)));
}

/** What a row must get that sees these tokens, computed anew. */
export function expectedRow(token: number, seen: readonly number[]): number[] {
  const { heads, kvHeads, headDim } = testShape;
  const query = queryOf(token);
  return Array.from({ length: heads * headDim }, (_, column) => {
    const head = Math.floor(column / headDim);
    const group = Math.floor(head / (heads / kvHeads)) * headDim;
    const weights = seen.map((other) => {
      let dot = 0;
      for (let i = 0; i < headDim; i++) dot += query[head * headDim + i]! * keyOf(other)[group + i]!;
      return Math.exp(dot / Math.sqrt(headDim));
    });
    const total = weights.reduce((a, b) => a + b, 0);
    return seen.reduce((sum, other, n) => sum + (weights[n]! / total) * valueOf(other)[group + (column % headDim)]!, 0);
  });
}
