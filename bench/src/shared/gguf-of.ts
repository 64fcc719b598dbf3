import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BlockDType, decode, openCheckpoint, quantise, readTensorBytes, type StoredTensor } from "@whittle/core";
import { type GgmlTypeName, type GgufField, type GgufTensorSource, writeGguf } from "@whittle/models";

interface Config {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_parameters: { readonly rope_theta: number };
}

/** llama.cpp's number for "most tensors are of this type". */
const fileTypes = { f32: 0, f16: 1, q4_0: 2, q8_0: 7, bf16: 32 } as const;
const NORMAL_TOKEN = 1;

/**
 * The same weights and the same tokens as a folder of `randomCheckpoint`, as a GGUF file within it, made at the first call. With `blocks`, all matrices, the embedding too,
 * are quantised to them.
 */
export async function ggufOf(folder: string, blocks?: BlockDType): Promise<string> {
  const file = join(folder, blocks ? `model-${blocks}.gguf` : "model.gguf");
  if (existsSync(file)) return file;
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as Config;
  const { tensors } = await openCheckpoint(folder);
  const converted = [...tensors].map(([name, tensor]) => convert(name, tensor, config, blocks));
  await writeGguf(file, converted, {
    metadata: { ...metadataOf(config, tensors, blocks), ...(await vocabularyOf(folder)) },
  });
  return file;
}

function metadataOf(
  config: Config,
  tensors: ReadonlyMap<string, StoredTensor>,
  blocks?: BlockDType,
): Record<string, GgufField> {
  const type = blocks ?? tensors.get("model.embed_tokens.weight")!.dtype;
  return {
    "general.architecture": "llama",
    "general.name": "random",
    "general.file_type": fileTypes[type as keyof typeof fileTypes],
    "llama.vocab_size": config.vocab_size,
    "llama.context_length": config.max_position_embeddings,
    "llama.embedding_length": config.hidden_size,
    "llama.block_count": config.num_hidden_layers,
    "llama.feed_forward_length": config.intermediate_size,
    "llama.attention.head_count": config.num_attention_heads,
    "llama.attention.head_count_kv": config.num_key_value_heads,
    "llama.attention.layer_norm_rms_epsilon": { float: config.rms_norm_eps },
    "llama.rope.dimension_count": config.head_dim,
    "llama.rope.freq_base": { float: config.rope_parameters.rope_theta },
  };
}

/** Byte-level, without merges, as `byteTokenizer` has it. The last made-up word is the end of a text, which llama.cpp insists on. */
async function vocabularyOf(folder: string): Promise<Record<string, GgufField>> {
  const { model } = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8")) as {
    model: { vocab: Record<string, number> };
  };
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  return {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": new Int32Array(tokens.length).fill(NORMAL_TOKEN),
    "tokenizer.ggml.merges": [],
    "tokenizer.ggml.bos_token_id": tokens.length - 1,
    "tokenizer.ggml.eos_token_id": tokens.length - 1,
    "tokenizer.ggml.add_bos_token": false,
  };
}

const names: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  post_attention_layernorm: "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

function convert(name: string, tensor: StoredTensor, config: Config, blocks?: BlockDType): GgufTensorSource {
  const [, layer, site] = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name) ?? [];
  const outside: Readonly<Record<string, string>> = {
    "model.embed_tokens.weight": "token_embd",
    "model.norm.weight": "output_norm",
    "lm_head.weight": "output",
  };
  const base = {
    name: `${layer === undefined ? outside[name]! : `blk.${layer}.${names[site!]!}`}.weight`,
    shape: tensor.shape,
  };
  // llama.cpp computes norms with f32 weights alone.
  if (tensor.shape.length === 1)
    return {
      ...base,
      type: "f32",
      bytes: async () => new Uint8Array(new Float32Array(tensor.shape[0]!).fill(1).buffer),
    };
  const rotated = site === "self_attn.q_proj" || site === "self_attn.k_proj";
  return {
    ...base,
    type: blocks ?? (tensor.dtype as GgmlTypeName),
    bytes: async () => {
      const stored = await readTensorBytes(tensor);
      const bytes = blocks ? quantise(decode(tensor.dtype!, stored) as Float32Array, blocks) : stored;
      return rotated ? pairsTogether(bytes, tensor.shape[0]!, config.head_dim) : bytes;
    },
  };
}

/** llama.cpp rotates neighbouring elements, Hugging Face those half a head apart: the rows of each head change places. */
function pairsTogether(bytes: Uint8Array, rows: number, headDim: number): Uint8Array {
  const moved = new Uint8Array(bytes.length);
  const rowBytes = bytes.length / rows;
  const half = headDim / 2;
  for (let row = 0; row < rows; row++) {
    const within = row % headDim;
    const from = row - within + (within % 2) * half + (within >> 1);
    moved.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return moved;
}
