import {
  type ActivationDType,
  add,
  addRmsNorm,
  applyGated,
  applyThree,
  type CacheStep,
  type CausalLMShape,
  type Device,
  embedding,
  gatherRows,
  Linear,
  type LinearWeight,
  rmsNorm,
  ropePair,
  ropeTable,
  type RowBatch,
  type Shape,
  type Taps,
  type Tensor,
} from "@whittle/core";
import { type ModelConfig } from "../model-config.js";
import { type Architecture, type BuildOptions, type BuiltModel } from "./architecture.js";
import { keptRows, type Stretch } from "./kept-rows.js";
import { throughLayers } from "./layer-scopes.js";
import { ropeFrequencies } from "./rope.js";

/**
 * LLaMA 1 to 3 and Mistral: pre-norm decoder with RMSNorm, rotary positions, grouped-query attention and a SwiGLU MLP.
 * Source: Touvron et al. 2023 (LLaMA), §2.2; Grattafiori et al. 2024 (LLaMA 3), §3.2; Jiang et al. 2023 (Mistral 7B), §2.
 */
export class Llama implements BuiltModel {
  readonly shape: CausalLMShape;
  readonly linears: ReadonlyMap<string, Linear>;
  private readonly embedding: Tensor;
  private readonly layers: readonly LlamaLayer[];
  private readonly finalNorm: Tensor;
  private readonly output: Linear;
  private readonly frequencies: Tensor;
  private readonly epsilon: number;
  private readonly activations: ActivationDType;

  constructor(
    config: ModelConfig,
    readonly parameters: ReadonlyMap<string, Tensor>,
    private readonly device: Device,
    { activations, arrangement, sparse }: Required<BuildOptions>,
  ) {
    this.activations = activations;
    const interleaved = arrangement === "ggml";
    const { vocabSize, hiddenSize, maxPositions, heads, kvHeads, headDim, normEpsilon, rope: ropeConfig } = config;
    this.shape = {
      vocabSize,
      hiddenSize,
      maxPositions,
      layers: Array.from({ length: config.layers }, () => ({ heads, kvHeads, headDim, dtype: activations })),
    };
    this.epsilon = normEpsilon;
    this.frequencies = device.tensor(ropeFrequencies(ropeConfig!, headDim), [headDim / 2]);
    this.embedding = parameters.get("model.embed_tokens.weight")!;
    this.finalNorm = parameters.get("model.norm.weight")!;
    const weightOf = (name: string): LinearWeight | undefined => sparse.get(name) ?? parameters.get(name);
    this.output = new Linear("head", weightOf("lm_head.weight") ?? this.embedding);
    this.layers = Array.from(
      { length: config.layers },
      (_, layer) => new LlamaLayer(layer, parameters, weightOf, interleaved),
    );
    this.linears = new Map(
      [...this.layers.flatMap((layer) => layer.linears), this.output].map((one) => [one.site, one]),
    );
  }

  embed(rows: RowBatch): Tensor {
    return embedding({ table: this.embedding, ids: rows.tokens, as: this.activations });
  }

  blocks(x: Tensor, rows: RowBatch, step: CacheStep, from: number, to: number, taps?: Taps): Tensor {
    if (from === to) return x;
    return this.through(x, rows, step, { from, to, taps });
  }

  /** `blocks`; what follows the last attention is computed of the rows `kept` alone, if these are given. */
  private through(x: Tensor, rows: RowBatch, step: CacheStep, { from, to, taps, kept }: Stretch): Tensor {
    return this.device.scope(() => {
      const angles = ropeTable({ positions: rows.positions, frequencies: this.frequencies });
      const end = throughLayers<LlamaLayer, Residual>(
        this.device,
        this.layers.slice(from, to),
        { x },
        (state, layer) => {
          const input = this.norm(state, layer.attentionNorm);
          const heads = layer.heads(input.normed, angles, rows, step, taps);
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

  dispose(): void {
    this.frequencies.dispose();
  }

  /** A sublayer's output is added where the sum is normalised next: one pass over memory instead of two. */
  private norm({ x, pending }: Residual, weight: Tensor): { x: Tensor; normed: Tensor } {
    const { epsilon } = this;
    if (!pending) return { x, normed: rmsNorm({ x, weight, epsilon }) };
    const [sum, normed] = addRmsNorm({ x: pending, residual: x, weight, epsilon });
    return { x: sum, normed };
  }
}

/** The residual stream, without the last sublayer's output if that is still pending. */
interface Residual extends Readonly<Record<string, Tensor | undefined>> {
  readonly x: Tensor;
  readonly pending?: Tensor;
}

class LlamaLayer {
  readonly attentionNorm: Tensor;
  readonly mlpNorm: Tensor;
  private readonly query: Linear;
  private readonly key: Linear;
  private readonly value: Linear;
  readonly output: Linear;
  private readonly gate: Linear;
  private readonly up: Linear;
  private readonly down: Linear;

  constructor(
    readonly index: number,
    parameters: ReadonlyMap<string, Tensor>,
    weightOf: (name: string) => LinearWeight | undefined,
    /** Whether queries and keys have the pairs that are rotated side by side. */
    private readonly interleaved: boolean,
  ) {
    const stored = `model.layers.${index}`;
    const linearOf = (site: string, name: string) =>
      new Linear(
        `layers.${index}.${site}`,
        weightOf(`${stored}.${name}.weight`)!,
        parameters.get(`${stored}.${name}.bias`),
      );
    this.attentionNorm = parameters.get(`${stored}.input_layernorm.weight`)!;
    this.mlpNorm = parameters.get(`${stored}.post_attention_layernorm.weight`)!;
    this.query = linearOf("attention.query", "self_attn.q_proj");
    this.key = linearOf("attention.key", "self_attn.k_proj");
    this.value = linearOf("attention.value", "self_attn.v_proj");
    this.output = linearOf("attention.output", "self_attn.o_proj");
    this.gate = linearOf("mlp.gate", "mlp.gate_proj");
    this.up = linearOf("mlp.up", "mlp.up_proj");
    this.down = linearOf("mlp.down", "mlp.down_proj");
  }

  get linears(): readonly Linear[] {
    return [this.query, this.key, this.value, this.output, this.gate, this.up, this.down];
  }

  /** What the heads attend to, side by side: what `output` multiplies. */
  heads(x: Tensor, angles: Tensor, rows: RowBatch, step: CacheStep, taps?: Taps): Tensor {
    const [query, key, v] = applyThree([this.query, this.key, this.value], x, rows, taps);
    const [q, k] = ropePair({ q: query, k: key, table: angles, interleaved: this.interleaved });
    return step.attend(this.index, q, k, v);
  }

  mlp(x: Tensor, rows: RowBatch, taps?: Taps): Tensor {
    return this.down.apply(applyGated(this.gate, this.up, x, rows, taps), rows, taps);
  }
}

function parameterShapes(config: ModelConfig): Map<string, Shape> {
  const { vocabSize, hiddenSize, intermediateSize, heads, kvHeads, headDim, attentionBias, mlpBias } = config;
  const shapes = new Map<string, Shape>([
    ["model.embed_tokens.weight", [vocabSize, hiddenSize]],
    ["model.norm.weight", [hiddenSize]],
  ]);
  if (!config.tieWordEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  for (let layer = 0; layer < config.layers; layer++) {
    const stored = `model.layers.${layer}`;
    const linearShape = (name: string, out: number, input: number, bias: boolean) => {
      shapes.set(`${stored}.${name}.weight`, [out, input]);
      if (bias) shapes.set(`${stored}.${name}.bias`, [out]);
    };
    shapes.set(`${stored}.input_layernorm.weight`, [hiddenSize]);
    shapes.set(`${stored}.post_attention_layernorm.weight`, [hiddenSize]);
    linearShape("self_attn.q_proj", heads * headDim, hiddenSize, attentionBias);
    linearShape("self_attn.k_proj", kvHeads * headDim, hiddenSize, attentionBias);
    linearShape("self_attn.v_proj", kvHeads * headDim, hiddenSize, attentionBias);
    linearShape("self_attn.o_proj", hiddenSize, heads * headDim, attentionBias);
    linearShape("mlp.gate_proj", intermediateSize, hiddenSize, mlpBias);
    linearShape("mlp.up_proj", intermediateSize, hiddenSize, mlpBias);
    linearShape("mlp.down_proj", hiddenSize, intermediateSize, mlpBias);
  }
  return shapes;
}

export const llama: Architecture = {
  prefix: "model.",
  parameters: parameterShapes,
  isNeedless: (name, config) =>
    name.endsWith("rotary_emb.inv_freq") || (config.tieWordEmbeddings && name === "lm_head.weight"),
  isLinear: (name) => /(_proj|^lm_head)\.weight$/.test(name),
  build: (config, weights, device, options) => new Llama(config, weights, device, options),
};
