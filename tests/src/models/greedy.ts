import {
  argmax,
  type CacheFactory,
  type CausalLM,
  type Device,
  type KVCache,
  packed,
  type RowBatch,
  type Run,
} from "@whittle/core";

/** What one sequence of a greedy run is: its prompt and how many tokens to add. */
export interface GreedyJob {
  readonly prompt: ArrayLike<number>;
  readonly tokens: number;
}

export interface GreedyOptions {
  readonly cache: CacheFactory;
  /** Rows of prompt that one step takes of each sequence. Default: all. */
  readonly chunk?: number;
  /** Rows that each step has at least, by padding rows in front. Default: 0. */
  readonly padTo?: number;
}

const cacheBytes = 2 ** 25;

/** Continues all prompts greedily, their rows mixed in the same steps, through a cache that keeps them. Returns the tokens added. */
export async function greedy(
  model: CausalLM,
  device: Device,
  jobs: readonly GreedyJob[],
  options: GreedyOptions,
): Promise<number[][]> {
  const { cache: factory, chunk = Infinity, padTo = 0 } = options;
  const cache = factory(model.shape.layers, device, cacheBytes);
  const running = jobs.map(({ prompt, tokens }) => ({
    sequence: cache.open().sequence,
    /** Tokens that no step has seen yet. */
    next: Array.from(prompt),
    position: 0,
    added: [] as number[],
    tokens,
  }));
  try {
    for (;;) {
      const active = running.filter(({ added, tokens }) => added.length < tokens);
      if (active.length === 0) return running.map(({ added }) => added);
      const parts = active.map((job) => ({ job, ids: job.next.splice(0, chunk) }));
      const padding = Math.max(0, padTo - parts.reduce((rows, { ids }) => rows + ids.length, 0));
      const sampled = await step(model, device, cache, [
        ...(padding > 0 ? [{ sequence: -1, ids: Array<number>(padding).fill(-1), position: 0 }] : []),
        ...parts.map(({ job, ids }) => ({ sequence: job.sequence, ids, position: job.position })),
      ]);
      parts.forEach(({ job, ids }, i) => {
        job.position += ids.length;
        // Rows before the prompt's last predict what is known already.
        if (job.next.length > 0) return;
        job.added.push(sampled[i]!);
        job.next.push(sampled[i]!);
      });
    }
  } finally {
    cache.dispose();
  }
}

/** Some consecutive tokens of one sequence; sequence -1 is padding. */
interface Part {
  readonly sequence: number;
  readonly ids: readonly number[];
  readonly position: number;
}

async function step(
  model: CausalLM,
  device: Device,
  cache: KVCache,
  parts: readonly Part[],
): Promise<ArrayLike<number>> {
  const sampled = device.scope(() => {
    const rows = batch(device, parts);
    const open = cache.prepare(rows);
    const { logits } = model.forward(rows, open);
    open.commit();
    return argmax({ x: logits });
  });
  const ids = await sampled.read();
  sampled.dispose();
  return ids;
}

/** One run per part; the last row of each is wanted, or with `all` every row. */
export function batch(device: Device, parts: readonly Part[], all = false): RowBatch {
  const tokens = parts.flatMap(({ ids }) => ids);
  const positions = parts.flatMap(({ ids, position }) => ids.map((_, i) => position + i));
  const runs: Run[] = [];
  let from = 0;
  for (const { sequence, ids } of parts) {
    runs.push({ sequence, from, count: ids.length, held: false });
    from += ids.length;
  }
  const last = runs.filter(({ sequence }) => sequence >= 0).map((run) => run.from + run.count - 1);
  const wanted = all ? [...tokens.keys()] : last;
  const ints = (values: readonly number[]) => device.tensor(values, [values.length], "i32");
  return { tokens: ints(tokens), positions: ints(positions), runs, wanted: ints(wanted) };
}

/** Logits of every row of one sequence, computed at once without a cache. `[ids, vocab]` */
export async function allLogits(model: CausalLM, device: Device, ids: readonly number[]): Promise<Float32Array> {
  return chunkedLogits(model, device, ids, { cache: packed, chunk: ids.length });
}

/** Logits of every row of one sequence, whose rows go through the cache in chunks. `[ids, vocab]` */
export async function chunkedLogits(
  model: CausalLM,
  device: Device,
  ids: readonly number[],
  { cache: factory, chunk }: { cache: CacheFactory; chunk: number },
): Promise<Float32Array> {
  const cache = factory(model.shape.layers, device, cacheBytes);
  const { sequence } = cache.open();
  const pieces: Promise<ArrayLike<number>>[] = [];
  for (let position = 0; position < ids.length; position += chunk) {
    device.scope(() => {
      const rows = batch(device, [{ sequence, ids: ids.slice(position, position + chunk), position }], true);
      const open = cache.prepare(rows);
      pieces.push(model.forward(rows, open).logits.read());
      open.commit();
    });
  }
  const logits = new Float32Array(ids.length * model.shape.vocabSize);
  for (const [i, piece] of (await Promise.all(pieces)).entries()) logits.set(piece, i * chunk * model.shape.vocabSize);
  cache.dispose();
  return logits;
}
