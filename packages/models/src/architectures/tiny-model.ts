import { type Device, elementsOf, packed, philox, purpose, type RowBatch, type Tensor, uniform } from "@whittle/core";
import { type ModelConfig } from "../model-config.js";
import { buildModel, type BuildOptions, type BuiltModel, parameterShapes } from "./architecture.js";

const common = {
  vocabSize: 23,
  hiddenSize: 12,
  intermediateSize: 20,
  layers: 3,
  heads: 4,
  maxPositions: 64,
  normEpsilon: 1e-5,
  eosTokenIds: [],
};

/** Models for tests, small enough for the reference device. */
export const tinyConfigs = {
  llama: {
    ...common,
    architecture: "llama",
    kvHeads: 2,
    headDim: 4,
    tieWordEmbeddings: false,
    rope: { theta: 100 },
    attentionBias: true,
    mlpBias: false,
    activation: "silu",
  },
  gpt2: {
    ...common,
    architecture: "gpt2",
    kvHeads: 4,
    headDim: 3,
    tieWordEmbeddings: true,
    attentionBias: true,
    mlpBias: true,
    activation: "geluTanh",
  },
} as const satisfies Record<string, ModelConfig>;

/** A model with random weights, large enough that attention is not flat. */
export function tinyModel(config: ModelConfig, device: Device, options: BuildOptions = {}): BuiltModel {
  const weights = new Map<string, Tensor>();
  for (const [name, shape] of parameterShapes(config)) {
    const values = Float32Array.from({ length: elementsOf(shape) }, (_, i) => {
      const [word] = philox([i, weights.size, 0, purpose.initialise], [1, 2]);
      return (2 * uniform(word) - 1) * 1.2;
    });
    weights.set(name, device.tensor(values, shape));
  }
  return buildModel(config, weights, device, options);
}

/** Whole sequences, one run each; all rows are wanted unless `wanted` says which. */
export function rowsOf(
  device: Device,
  sequences: readonly (readonly number[])[],
  { wanted, firstPosition = 0 }: { wanted?: number[]; firstPosition?: number } = {},
): RowBatch {
  const tokens = sequences.flat();
  const ints = (values: readonly number[]) => device.tensor(values, [values.length], "i32");
  let from = 0;
  const runs = sequences.map((ids, sequence) => {
    from += ids.length;
    return { sequence, from: from - ids.length, count: ids.length, held: false };
  });
  return {
    tokens: ints(tokens),
    positions: ints(sequences.flatMap((ids) => ids.map((_, i) => firstPosition + i))),
    wanted: ints(wanted ?? [...tokens.keys()]),
    runs,
  };
}

/** Logits of the wanted rows, one array a row. */
export async function logitsOf(model: BuiltModel, device: Device, rows: RowBatch): Promise<number[][]> {
  const { logits } = model.forward(rows, packed(model.shape.layers, device).prepare(rows));
  const values = await logits.read();
  const { vocabSize } = model.shape;
  return Array.from({ length: logits.shape[0]! }, (_, row) =>
    Array.from(values.slice(row * vocabSize, (row + 1) * vocabSize)),
  );
}
