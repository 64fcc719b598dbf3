import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TensorSource, writeCheckpoint } from "@whittle/core";

const tokenizer = fileURLToPath(new URL("../fixtures/tokenizers/byte-level/tokenizer.json", import.meta.url));

/** `config.json` of the models that `tinyConfigs` describes. */
export const configFiles = {
  llama: {
    model_type: "llama",
    vocab_size: 23,
    hidden_size: 12,
    intermediate_size: 20,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 4,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 64,
    attention_bias: true,
    rope_theta: 100,
    eos_token_id: 2,
  },
  gpt2: { model_type: "gpt2", vocab_size: 23, n_embd: 12, n_inner: 20, n_layer: 3, n_head: 4, n_positions: 64 },
};

/** Writes a model folder with these weights, a byte-level tokenizer and this `config.json`. */
export async function writeModelFolder(
  folder: string,
  config: object,
  tensors: readonly TensorSource[],
  options: { maxShardBytes?: number } = {},
): Promise<void> {
  await cp(tokenizer, join(folder, "tokenizer.json"), { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeCheckpoint(folder, tensors, options);
}
