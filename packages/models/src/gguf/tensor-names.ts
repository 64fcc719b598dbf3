import { type ModelConfig } from "../model-config.js";

interface Names {
  readonly outside: Readonly<Record<string, string>>;
  /** What begins the name of what is in a layer, before its number. */
  readonly layers: string;
  readonly inLayer: Readonly<Record<string, string>>;
}

/** transformers' names, without `.weight` and `.bias`, and ggml's. Source: ggml's `gguf-py/gguf/tensor_mapping.py`. */
const names: Readonly<Record<ModelConfig["architecture"], Names>> = {
  llama: {
    outside: { "model.embed_tokens": "token_embd", "model.norm": "output_norm", lm_head: "output" },
    layers: "model.layers.",
    inLayer: {
      input_layernorm: "attn_norm",
      "self_attn.q_proj": "attn_q",
      "self_attn.k_proj": "attn_k",
      "self_attn.v_proj": "attn_v",
      "self_attn.o_proj": "attn_output",
      post_attention_layernorm: "ffn_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
  },
  gpt2: {
    outside: {
      "transformer.wte": "token_embd",
      "transformer.wpe": "position_embd",
      "transformer.ln_f": "output_norm",
      lm_head: "output",
    },
    layers: "transformer.h.",
    inLayer: {
      ln_1: "attn_norm",
      "attn.c_attn": "attn_qkv",
      "attn.c_proj": "attn_output",
      ln_2: "ffn_norm",
      "mlp.c_fc": "ffn_up",
      "mlp.c_proj": "ffn_down",
    },
  },
};

/** ggml's name of a parameter: `model.layers.3.mlp.up_proj.weight` is `blk.3.ffn_up.weight`. The name itself if ggml has none for it. */
export function ggufTensorName(architecture: ModelConfig["architecture"], parameter: string): string {
  const { outside, layers, inLayer } = names[architecture];
  const [, place, kind] = /^(.+)\.(weight|bias)$/.exec(parameter) ?? [];
  if (place === undefined) return parameter;
  if (Object.hasOwn(outside, place)) return `${outside[place]}.${kind}`;
  const [, layer, site] = place.startsWith(layers) ? (/^(\d+)\.(.+)$/.exec(place.slice(layers.length)) ?? []) : [];
  return site !== undefined && Object.hasOwn(inLayer, site) ? `blk.${layer}.${inLayer[site]}.${kind}` : parameter;
}
