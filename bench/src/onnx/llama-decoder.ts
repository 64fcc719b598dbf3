import { decode, readTensorBytes } from "@whittle/core";
import { type GgufTensor } from "@whittle/models";
import { blockCodesOf, blockElements } from "./block-codes.js";
import { type ExternalData } from "./external-data.js";
import { GraphBuilder } from "./graph-builder.js";

export interface LlamaDecoderOptions {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly ropeTheta: number;
  readonly positions: number;
  /** Of a GGUF file, by ggml's names. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly data: ExternalData;
}

/**
 * A step of a LLaMA as an ONNX model, of the operators that onnxruntime has for such models:
 * `input_ids` int64 `[batch, rows]`, `seqlens` int32 `[batch]` (keys of a sequence with those of this step, less one), `total` int32 (the most of them, one more), and for
 * each layer the keys and values so far, f32 `[batch, kvHeads, past, headDim]`; gives the most probable `next_ids` int64 `[batch, 1]` and all keys and values.
 * Weights in blocks are multiplied with activations rounded to 8 bits; what comes after the last attention is computed of the last row alone.
 */
export async function llamaDecoder(options: LlamaDecoderOptions): Promise<Uint8Array> {
  const { layers, heads, kvHeads, headDim, epsilon, tensors, data } = options;
  const graph = new GraphBuilder();
  const ids = graph.input("input_ids", "int64", ["batch", "rows"]);
  const seqlens = graph.input("seqlens", "int32", ["batch"]);
  const total = graph.input("total", "int32", []);
  const [cos, sin] = await rotations(graph, options);
  const lastRow = await last(graph, data);

  const tensorOf = (name: string): GgufTensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`the GGUF file has no tensor ${name}`);
    return tensor;
  };
  const normWeight = async (name: string): Promise<string> => {
    const tensor = tensorOf(`${name}.weight`);
    return graph.initializer(name, "float", tensor.shape, await data.stored([tensor]));
  };
  const linear = (x: string, output: string, names: readonly string[]): Promise<string> =>
    product(graph, data, { x, output, weights: names.map((name) => tensorOf(`${name}.weight`)) });
  /** The sum of the stream and what a layer adds, and its norm. */
  const addAndNorm = async (stream: string, added: string, norm: string): Promise<{ x: string; stream: string }> => {
    const outputs = [`${norm}.normed`, "", "", `${norm}.stream`];
    const x = graph.nodeOf(outputs, {
      op: "SkipSimplifiedLayerNormalization",
      domain: "com.microsoft",
      inputs: [stream, added, await normWeight(norm)],
      floats: { epsilon },
    });
    return { x, stream: outputs[3]! };
  };

  let stream = await embedding(graph, data, ids, tensorOf("token_embd.weight"));
  let x = graph.node("blk.0.attn_norm.normed", {
    op: "SimplifiedLayerNormalization",
    inputs: [stream, await normWeight("blk.0.attn_norm")],
    floats: { epsilon },
    ints: { axis: -1, stash_type: 1 },
  });
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string) => `blk.${layer}.${part}`;
    const qkv = await linear(x, name("qkv"), [name("attn_q"), name("attn_k"), name("attn_v")]);
    const cached = (when: string, length: string) => {
      const names = ["key", "value"].map((kind) => `${when}.${layer}.${kind}`);
      return { names, shape: ["batch", kvHeads, length, headDim] };
    };
    const [past, present] = [cached("past", "past"), cached("present", "present")];
    for (const each of past.names) graph.input(each, "float", past.shape);
    let attended = graph.nodeOf([name("attention"), ...present.names], {
      op: "GroupQueryAttention",
      domain: "com.microsoft",
      inputs: [qkv, "", "", ...past.names, seqlens, total, cos, sin],
      // ggml keeps the two numbers that are rotated together side by side.
      ints: { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 1 },
    });
    for (const each of present.names) graph.output(each, "float", present.shape);
    if (layer === layers - 1) [attended, stream] = [lastRow(attended), lastRow(stream)];
    const projected = await linear(attended, name("projected"), [name("attn_output")]);
    ({ x, stream } = await addAndNorm(stream, projected, name("ffn_norm")));
    const gate = await linear(x, name("gate"), [name("ffn_gate")]);
    const up = await linear(x, name("up"), [name("ffn_up")]);
    const down = await linear(gated(graph, name("gated"), gate, up), name("down"), [name("ffn_down")]);
    ({ x, stream } = await addAndNorm(
      stream,
      down,
      layer === layers - 1 ? "output_norm" : `blk.${layer + 1}.attn_norm`,
    ));
  }
  const logits = await linear(x, "logits", [tensors.has("output.weight") ? "output" : "token_embd"]);
  graph.output(graph.node("next_ids", { op: "ArgMax", inputs: [logits], ints: { axis: -1, keepdims: 0 } }), "int64", [
    "batch",
    1,
  ]);
  return graph.encode();
}

/** x · wᵀ of the rows of all weights together, one after the other. */
async function product(
  graph: GraphBuilder,
  data: ExternalData,
  { x, output, weights }: { x: string; output: string; weights: readonly GgufTensor[] },
): Promise<string> {
  const columns = weights[0]!.shape[1]!;
  const rows = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const { dtype } = weights[0]!;
  if (dtype === "f32") {
    const weight = graph.initializer(`${output}.weight`, "float", [rows, columns], await data.stored(weights));
    return graph.node(output, { op: "FusedMatMul", domain: "com.microsoft", inputs: [x, weight], ints: { transB: 1 } });
  }
  if (dtype !== "q4_0" && dtype !== "q8_0") throw new Error(`weights are f32, q4_0 or q8_0, but got ${dtype}`);
  const { bits, codes, scales } = blockCodesOf(dtype, Buffer.concat(await Promise.all(weights.map(readTensorBytes))));
  const blocks = columns / blockElements;
  const codesAt = await data.add(codes);
  const scalesAt = await data.add(new Uint8Array(scales.buffer));
  const inputs = [
    x,
    graph.initializer(`${output}.codes`, "uint8", [rows, blocks, (blockElements * bits) / 8], codesAt),
    graph.initializer(`${output}.scales`, "float", [rows, blocks], scalesAt),
  ];
  const ints = { K: columns, N: rows, bits, block_size: blockElements, accuracy_level: 4 };
  return graph.node(output, { op: "MatMulNBits", domain: "com.microsoft", inputs, ints });
}

async function embedding(graph: GraphBuilder, data: ExternalData, ids: string, tensor: GgufTensor): Promise<string> {
  const extent =
    tensor.dtype === "f32"
      ? await data.stored([tensor])
      : await data.add(new Uint8Array(decode(tensor.dtype!, await readTensorBytes(tensor)).buffer));
  const table = graph.initializer("token_embd", "float", tensor.shape, extent);
  return graph.node("embedded", { op: "Gather", inputs: [table, ids], ints: { axis: 0 } });
}

/** silu(gate) · up. */
function gated(graph: GraphBuilder, output: string, gate: string, up: string): string {
  const activated = graph.node(`${output}.silu`, {
    op: "QuickGelu",
    domain: "com.microsoft",
    inputs: [gate],
    floats: { alpha: 1 },
  });
  return graph.node(output, { op: "Mul", inputs: [activated, up] });
}

/** Gives a function that leaves the last row of a value alone. */
async function last(graph: GraphBuilder, data: ExternalData): Promise<(value: string) => string> {
  const index = graph.initializer("last", "int64", [1], await data.add(new Uint8Array(BigInt64Array.of(-1n).buffer)));
  return (value) => graph.node(`${value}.last`, { op: "Gather", inputs: [value, index], ints: { axis: 1 } });
}

/** Cosines and sines of the angles by which each pair is turned at each position. */
async function rotations(
  graph: GraphBuilder,
  { positions, headDim, ropeTheta, data }: LlamaDecoderOptions,
): Promise<readonly [cos: string, sin: string]> {
  const pairs = headDim / 2;
  const table = async (name: string, of: (angle: number) => number): Promise<string> => {
    const values = Float32Array.from({ length: positions * pairs }, (_, i) => {
      const [position, pair] = [Math.floor(i / pairs), i % pairs];
      return of(position * ropeTheta ** (-pair / pairs));
    });
    return graph.initializer(name, "float", [positions, pairs], await data.add(new Uint8Array(values.buffer)));
  };
  return [await table("cos", Math.cos), await table("sin", Math.sin)];
}
