import { ArgumentError, packed, type Run, type Tensor } from "@whittle/core";
import { type Engine } from "./engine.js";
import { EngineClosed, Overloaded, RequestError } from "./errors.js";

/** How the states of a text's tokens become one vector. */
export type Pooling = "mean" | "last";

export interface EmbedOptions {
  /** Default: `mean`. */
  pooling?: Pooling;
  /** Ends the work with its reason, between two steps. */
  signal?: AbortSignal;
}

/** Rows of one step, unless a single text has more: as many as keep the device busy, and few enough that answers under way need not wait long. */
const ROWS_OF_STEP = 256;
/** Calls that wait for the one before, for each engine. */
const MOST_WAITING = 64;

const queues = new WeakMap<Engine, { last: Promise<unknown>; length: number }>();

/**
 * Vectors of texts (token ids): the model's last states after its final norm, pooled, of length 1. `[hiddenSize]` each. They pass through the device beside the answers under way, some rows at a time; the
 * cache is not used.
 * @throws RequestError (`param: "prompt"`), ArgumentError if the model has no such states, Overloaded, EngineClosed, DeviceError; the signal's reason
 */
export async function embed(
  engine: Engine,
  texts: readonly ArrayLike<number>[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  const { pooling = "mean", signal } = options;
  if (!engine.model.model.finalHidden) throw new ArgumentError("the model gives no states to make embeddings of");
  if (!engine.accepting) throw new EngineClosed();
  for (const ids of texts) check(ids, engine);
  const queue = queues.get(engine) ?? { last: Promise.resolve(), length: 0 };
  queues.set(engine, queue);
  if (queue.length >= MOST_WAITING) throw new Overloaded(queue.length);
  queue.length++;
  const work = queue.last.then(() => embedAll(engine, texts, pooling, signal));
  queue.last = work.catch(() => undefined).finally(() => queue.length--);
  return work;
}

async function embedAll(
  engine: Engine,
  texts: readonly ArrayLike<number>[],
  pooling: Pooling,
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let next = 0; next < texts.length;) {
    signal?.throwIfAborted();
    const step: ArrayLike<number>[] = [];
    for (let rows = 0; next < texts.length; next++) {
      rows += texts[next]!.length;
      if (step.length > 0 && rows > ROWS_OF_STEP) break;
      step.push(texts[next]!);
    }
    vectors.push(...(await embedStep(engine, step, pooling)));
  }
  return vectors;
}

async function embedStep(
  { model }: Engine,
  texts: readonly ArrayLike<number>[],
  pooling: Pooling,
): Promise<Float32Array[]> {
  const { device, model: causal } = model;
  const { layers, hiddenSize } = causal.shape;
  const runs: Run[] = [];
  let rows = 0;
  texts.forEach((ids, sequence) => {
    runs.push({ sequence, from: rows, count: ids.length, held: false });
    rows += ids.length;
  });
  let reading: Promise<ArrayLike<number>> | undefined;
  device.scope(() => {
    const vector = (values: number[]): Tensor => device.tensor(values, [values.length], "i32");
    const batch = {
      tokens: vector(texts.flatMap((ids) => Array.from(ids))),
      positions: vector(texts.flatMap((ids) => Array.from(ids, (_, position) => position))),
      runs,
      wanted: vector([rows - 1]),
    };
    const step = packed(layers, device).prepare(batch);
    try {
      const states = causal.blocks(causal.embed(batch), batch, step, 0, layers.length);
      reading = causal.finalHidden!(states).read();
    } finally {
      step.commit();
    }
  });
  const states = await reading!;
  return runs.map(({ from, count }) =>
    pool(states, hiddenSize, pooling === "last" ? from + count - 1 : from, from + count),
  );
}

/** The mean of rows `from` to `to`, of length 1. */
function pool(states: ArrayLike<number>, width: number, from: number, to: number): Float32Array {
  const sums = new Float64Array(width);
  for (let row = from; row < to; row++) for (let i = 0; i < width; i++) sums[i]! += states[row * width + i]!;
  // The mean's direction is the sum's.
  const length = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(sums, (value) => (length === 0 ? 0 : value / length));
}

function check(ids: ArrayLike<number>, engine: Engine): void {
  const { vocabSize, maxPositions } = engine.model.model.shape;
  const longest = Math.min(maxPositions, engine.contextLength);
  if (ids.length === 0) throw new RequestError("prompt", "a text is empty: there is no token to make a vector of");
  if (ids.length > longest)
    throw new RequestError(
      "prompt",
      `the context is ${longest} tokens, but a text has ${ids.length}`,
      "context_length_exceeded",
    );
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(Number.isInteger(id) && id >= 0 && id < vocabSize))
      throw new RequestError("prompt", `token ${i} is ${id}, but token ids are integers from 0 to ${vocabSize - 1}`);
  }
}
