import {
  add,
  type CausalLM,
  type Device,
  embedding,
  gatherRows,
  Linear,
  philox,
  purpose,
  reference,
  type RowBatch,
  rmsNorm,
  type Tensor,
  uniform,
} from "@whittle/core";
import { type ServedModel } from "../served-model.js";
import { BYTE_VOCABULARY, byteTokenizer } from "./byte-tokenizer.js";

const HEADS = 2;
const HEAD_DIM = 4;
const HIDDEN = HEADS * HEAD_DIM;

export interface ToyOptions {
  device?: Device;
  maxPositions?: number;
  name?: string;
  /** What each layer's output passes through, for tests that make steps fail. */
  through?: (x: Tensor, rows: RowBatch) => Tensor;
}

/** One attention layer with random weights: what it says next depends on all that came before, so a fault in batching or caching changes its text. */
export function randomModel(seed: number, options: ToyOptions = {}): ServedModel {
  const device = options.device ?? reference();
  let drawn = 0;
  const weight = (rows: number, columns: number, scale: number): Tensor =>
    device.tensor(
      Array.from(
        { length: rows * columns },
        () => (uniform(philox([drawn++, 0, purpose.initialise, 0], [seed, 0])[0]) - 0.5) * scale,
      ),
      [rows, columns],
    );
  const table = weight(BYTE_VOCABULARY, HIDDEN, 2);
  const places = weight(options.maxPositions ?? 128, HIDDEN, 1);
  const [query, key, value, output] = ["q", "k", "v", "o"].map(
    (site) => new Linear(site, weight(HIDDEN, HIDDEN, 4)),
  ) as [Linear, Linear, Linear, Linear];
  const norm = device.tensor(new Float32Array(HIDDEN).fill(1), [HIDDEN]);
  const head = new Linear("head", weight(BYTE_VOCABULARY, HIDDEN, 4));
  return served(device, options, {
    embed: (rows) =>
      add({ a: embedding({ table, ids: rows.tokens }), b: embedding({ table: places, ids: rows.positions }) }),
    blocks: (x, rows, step) => {
      const h = rmsNorm({ x, weight: norm, epsilon: 1e-6 });
      const attended = step.attend(0, query.apply(h, rows), key.apply(h, rows), value.apply(h, rows));
      return add({ a: x, b: output.apply(attended, rows) });
    },
    finalHidden: (x) => rmsNorm({ x, weight: norm, epsilon: 1e-6 }),
    head: (x, wanted, rows) =>
      head.apply(rmsNorm({ x: gatherRows({ x, indices: wanted }), weight: norm, epsilon: 1e-6 }), rows),
  });
}

/** Has the same logits everywhere: those given, and 0 for every other id. */
export function constantModel(logits: Readonly<Record<number, number>>, options: ToyOptions = {}): ServedModel {
  const { maxPositions = 128 } = options;
  const row = Array.from({ length: BYTE_VOCABULARY }, (_, id) => logits[id] ?? 0);
  return tableModel(new Float32Array(Array.from({ length: maxPositions }, () => row).flat()), options);
}

/** Says `script[p]` at position `p`, whatever came before: a test chooses the answer, byte by byte (`END` included). */
export function scriptedModel(script: ArrayLike<number>, options: ToyOptions = {}): ServedModel {
  const maxPositions = options.maxPositions ?? script.length;
  const says = new Float32Array(maxPositions * BYTE_VOCABULARY);
  for (let position = 0; position + 1 < Math.min(maxPositions, script.length); position++)
    says[position * BYTE_VOCABULARY + script[position + 1]!] = 1000;
  return tableModel(says, options);
}

/** Logits by position, `[maxPositions, vocabulary]`, whatever the tokens. */
function tableModel(logits: Float32Array, options: ToyOptions): ServedModel {
  const device = options.device ?? reference();
  const maxPositions = logits.length / BYTE_VOCABULARY;
  const table = device.tensor(logits, [maxPositions, BYTE_VOCABULARY]);
  const nothing = device.tensor(new Float32Array(HIDDEN * BYTE_VOCABULARY), [HIDDEN, BYTE_VOCABULARY]);
  const zero = new Linear("zero", nothing);
  const back = new Linear("back", device.tensor(new Float32Array(BYTE_VOCABULARY * HIDDEN), [BYTE_VOCABULARY, HIDDEN]));
  return served(
    device,
    { ...options, maxPositions },
    {
      embed: (rows) => embedding({ table, ids: rows.positions }),
      blocks: (x, rows, step) => {
        const h = zero.apply(x, rows);
        return add({ a: x, b: back.apply(step.attend(0, h, h, h), rows) });
      },
      head: (x, wanted) => gatherRows({ x, indices: wanted }),
    },
  );
}

/** The script of a text that begins after a prompt. */
export function scriptOf(prompt: string, answer: string, ...after: number[]): number[] {
  return [...new TextEncoder().encode(prompt + answer), ...after];
}

interface Parts {
  embed(rows: RowBatch): Tensor;
  blocks(x: Tensor, rows: RowBatch, step: Parameters<CausalLM["forward"]>[1]): Tensor;
  head(x: Tensor, wanted: Tensor, rows: RowBatch): Tensor;
  finalHidden?(x: Tensor): Tensor;
}

function served(
  device: Device,
  { maxPositions = 128, name = "toy", through = (x) => x }: ToyOptions,
  parts: Parts,
): ServedModel {
  const layers = [{ heads: HEADS, kvHeads: HEADS, headDim: HEAD_DIM }];
  const model: CausalLM = {
    shape: { vocabSize: BYTE_VOCABULARY, hiddenSize: HIDDEN, maxPositions, layers },
    linears: new Map(),
    parameters: new Map(),
    embed: (rows) => parts.embed(rows),
    blocks: (x, rows, step) => through(parts.blocks(x, rows, step), rows),
    ...(parts.finalHidden && { finalHidden: (x: Tensor) => parts.finalHidden!(x) }),
    head: (x, wanted) => parts.head(x, wanted, { tokens: wanted, positions: wanted, runs: [], wanted }),
    forward: (rows, step) => ({
      logits: parts.head(model.blocks(parts.embed(rows), rows, step, 0, layers.length), rows.wanted, rows),
    }),
  };
  return {
    name,
    model,
    device,
    tokenizer: byteTokenizer(),
    generationConfig: { eosTokenIds: [] },
    config: { eosTokenIds: [] },
  };
}
