import {
  type ActivationDType,
  add,
  addLayerNorm,
  type CacheStep,
  type CausalLMShape,
  type Device,
  embedding,
  gatherRows,
  gelu,
  layerNorm,
  Linear,
  type RowBatch,
  type Shape,
  type Taps,
  type Tensor,
  transpose,
} from "@whittle/core";
import { type ModelConfig } from "../model-config.js";
import { type Architecture, type BuiltModel, type WeightArrangement } from "./architecture.js";
import { keptRows, type Stretch } from "./kept-rows.js";
import { throughLayers } from "./layer-scopes.js";

/**
 * GPT-2: pre-norm decoder with LayerNorm, learned positions, full multi-head attention, a GELU MLP and biases everywhere.
 * Source: Radford et al. 2019 (GPT-2), §2.3; Radford et al. 2018 (GPT), §3.1.
 */
export class Gpt2 implements BuiltModel {
  readonly shape: CausalLMShape;
  readonly linears: ReadonlyMap<string, Linear>;
  private readonly tokenEmbedding: Tensor;
  private readonly positionEmbedding: Tensor;
  private readonly layers: readonly Gpt2Layer[];
  private readonly finalNorm: LayerNormWeights;
  private readonly output: Linear;
  private readonly epsilon: number;

  constructor(
    config: ModelConfig,
    readonly parameters: ReadonlyMap<string, Tensor>,
    private readonly device: Device,
    private readonly activations: ActivationDType,
  ) {
    const { vocabSize, hiddenSize, maxPositions, heads, kvHeads, headDim } = config;
    this.shape = {
      vocabSize,
      hiddenSize,
      maxPositions,
      layers: Array.from({ length: config.layers }, () => ({ heads, kvHeads, headDim, dtype: activations })),
    };
    this.epsilon = config.normEpsilon;
    this.tokenEmbedding = parameters.get("transformer.wte.weight")!;
    this.positionEmbedding = parameters.get("transformer.wpe.weight")!;
    this.finalNorm = layerNormOf(parameters, "transformer.ln_f");
    this.output = new Linear("head", parameters.get("lm_head.weight") ?? this.tokenEmbedding);
    const approximate = config.activation === "geluTanh";
    this.layers = Array.from(
      { length: config.layers },
      (_, layer) => new Gpt2Layer(layer, hiddenSize, approximate, parameters),
    );
    this.linears = new Map(
      [...this.layers.flatMap((layer) => layer.linears), this.output].map((one) => [one.site, one]),
    );
  }

  embed(rows: RowBatch): Tensor {
    return this.device.scope(() => {
      const as = this.activations;
      const tokens = embedding({ table: this.tokenEmbedding, ids: rows.tokens, as });
      return add({ a: tokens, b: embedding({ table: this.positionEmbedding, ids: rows.positions, as }) });
    });
  }

  blocks(x: Tensor, rows: RowBatch, step: CacheStep, from: number, to: number, taps?: Taps): Tensor {
    if (from === to) return x;
    return this.through(x, rows, step, { from, to, taps });
  }

  /** `blocks`; what follows the last attention is computed of the rows `kept` alone, if these are given. */
  private through(x: Tensor, rows: RowBatch, step: CacheStep, { from, to, taps, kept }: Stretch): Tensor {
    return this.device.scope(() => {
      const end = throughLayers<Gpt2Layer, Residual>(
        this.device,
        this.layers.slice(from, to),
        { x },
        (state, layer) => {
          const input = this.norm(state, layer.attentionNorm);
          const heads = layer.heads(input.normed, rows, step, taps);
          const indices = layer.index === to - 1 ? kept : undefined;
          const only = (all: Tensor) => (indices ? gatherRows({ x: all, indices }) : all);
          const attended = layer.output.apply(only(heads), rows, taps);
          const middle = this.norm({ x: only(input.x), pending: attended }, layer.mlpNorm);
          const pending = layer.mlp(middle.normed, rows, taps);
          taps?.hidden?.(layer.index, add({ a: pending, b: middle.x }));
          return { x: middle.x, pending };
        },
      );
      return add({ a: end.pending!, b: end.x });
    });
  }

  head(x: Tensor, wanted: Tensor): Tensor {
    return this.device.scope(() => this.logits(gatherRows({ x, indices: wanted })));
  }

  private logits(x: Tensor): Tensor {
    return this.output.product(this.finalHidden(x), "f32");
  }

  finalHidden(x: Tensor): Tensor {
    return this.norm({ x }, this.finalNorm).normed;
  }

  forward(rows: RowBatch, step: CacheStep, taps?: Taps): { logits: Tensor } {
    return this.device.scope(() => {
      const [x, to] = [this.embed(rows), this.layers.length];
      const kept = keptRows(rows, this.layers.at(-1)?.linears, taps);
      if (!kept) return { logits: this.head(this.blocks(x, rows, step, 0, to, taps), rows.wanted) };
      return { logits: this.logits(this.through(x, rows, step, { from: 0, to, kept })) };
    });
  }

  dispose(): void {}

  /** A sublayer's output is added where the sum is normalised next: one pass over memory instead of two. */
  private norm({ x, pending }: Residual, { weight, bias }: LayerNormWeights): { x: Tensor; normed: Tensor } {
    const { epsilon } = this;
    if (!pending) return { x, normed: layerNorm({ x, weight, bias, epsilon }) };
    const [sum, normed] = addLayerNorm({ x: pending, residual: x, weight, bias, epsilon });
    return { x: sum, normed };
  }
}

class Gpt2Layer {
  readonly attentionNorm: LayerNormWeights;
  readonly mlpNorm: LayerNormWeights;
  /** Queries, keys and values side by side. */
  private readonly qkv: Linear;
  readonly output: Linear;
  private readonly up: Linear;
  private readonly down: Linear;

  constructor(
    readonly index: number,
    private readonly hiddenSize: number,
    private readonly approximate: boolean,
    parameters: ReadonlyMap<string, Tensor>,
  ) {
    const stored = `transformer.h.${index}`;
    const linearOf = (site: string, name: string) =>
      new Linear(
        `layers.${index}.${site}`,
        parameters.get(`${stored}.${name}.weight`)!,
        parameters.get(`${stored}.${name}.bias`),
      );
    this.attentionNorm = layerNormOf(parameters, `${stored}.ln_1`);
    this.mlpNorm = layerNormOf(parameters, `${stored}.ln_2`);
    this.qkv = linearOf("attention.qkv", "attn.c_attn");
    this.output = linearOf("attention.output", "attn.c_proj");
    this.up = linearOf("mlp.up", "mlp.c_fc");
    this.down = linearOf("mlp.down", "mlp.c_proj");
  }

  get linears(): readonly Linear[] {
    return [this.qkv, this.output, this.up, this.down];
  }

  /** What the heads attend to, side by side: what `output` multiplies. */
  heads(x: Tensor, rows: RowBatch, step: CacheStep, taps?: Taps): Tensor {
    const qkv = this.qkv.apply(x, rows, taps);
    const [q, k, v] = [0, 1, 2].map((part) => qkv.columns(part * this.hiddenSize, (part + 1) * this.hiddenSize));
    return step.attend(this.index, q!, k!, v!);
  }

  mlp(x: Tensor, rows: RowBatch, taps?: Taps): Tensor {
    const up = this.up.apply(x, rows, taps);
    return this.down.apply(gelu({ x: up, approximate: this.approximate }), rows, taps);
  }
}

/** The residual stream, without the last sublayer's output if that is still pending. */
interface Residual extends Readonly<Record<string, Tensor | undefined>> {
  readonly x: Tensor;
  readonly pending?: Tensor;
}

interface LayerNormWeights {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

function layerNormOf(parameters: ReadonlyMap<string, Tensor>, name: string): LayerNormWeights {
  return { weight: parameters.get(`${name}.weight`)!, bias: parameters.get(`${name}.bias`)! };
}

const transposed = /\.(c_attn|c_proj|c_fc)\.weight$/;

function parameterShapes(
  { vocabSize, hiddenSize, intermediateSize, maxPositions, layers, tieWordEmbeddings }: ModelConfig,
  arrangement: WeightArrangement = "transformers",
): Map<string, Shape> {
  const shapes = new Map<string, Shape>([
    ["transformer.wte.weight", [vocabSize, hiddenSize]],
    ["transformer.wpe.weight", [maxPositions, hiddenSize]],
  ]);
  const norm = (name: string) => {
    shapes.set(`${name}.weight`, [hiddenSize]);
    shapes.set(`${name}.bias`, [hiddenSize]);
  };
  const conv1d = (name: string, input: number, out: number) => {
    shapes.set(`${name}.weight`, arrangement === "ggml" ? [out, input] : [input, out]);
    shapes.set(`${name}.bias`, [out]);
  };
  for (let layer = 0; layer < layers; layer++) {
    const stored = `transformer.h.${layer}`;
    norm(`${stored}.ln_1`);
    conv1d(`${stored}.attn.c_attn`, hiddenSize, 3 * hiddenSize);
    conv1d(`${stored}.attn.c_proj`, hiddenSize, hiddenSize);
    norm(`${stored}.ln_2`);
    conv1d(`${stored}.mlp.c_fc`, hiddenSize, intermediateSize);
    conv1d(`${stored}.mlp.c_proj`, intermediateSize, hiddenSize);
  }
  norm("transformer.ln_f");
  if (!tieWordEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  return shapes;
}

export const gpt2: Architecture = {
  prefix: "transformer.",
  parameters: parameterShapes,
  // Causal masks, which old checkpoints stored with the weights.
  isNeedless: (name, config) =>
    /\.attn\.(masked_)?bias$/.test(name) || (config.tieWordEmbeddings && name === "lm_head.weight"),
  build(config, weights, device, { activations, arrangement }) {
    // GPT-2's "Conv1D" stores [in, out]; every linear layer of ours is [out, in].
    for (const [name, stored] of weights) {
      if (arrangement === "ggml" || !transposed.test(name)) continue;
      weights.set(name, transpose({ x: stored }));
      stored.dispose();
    }
    return new Gpt2(config, weights, device, activations);
  },
};
