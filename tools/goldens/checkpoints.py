"""Tiny random checkpoints: what each is for, and how its weights are drawn."""

from dataclasses import dataclass

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

# `dtype` is what the file stores; arithmetic is float32 throughout.
LLAMA_SHAPE = dict(
    vocab_size=112,
    hidden_size=48,
    intermediate_size=80,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
)


@dataclass
class Checkpoint:
    """One fixture. `rows` positions are scored; `prompt` of them start the greedy continuation."""

    name: str
    purpose: str
    config: object
    model: type
    seed: int
    rows: int = 80
    prompt: int = 24
    dtype: torch.dtype = torch.float32
    shard_bytes: str = "1GB"


def checkpoints():
    return [
        Checkpoint(
            "llama-gqa",
            "LLaMA, 4 query heads on 2 key/value heads, untied output head",
            LlamaConfig(**LLAMA_SHAPE, tie_word_embeddings=False),
            LlamaForCausalLM,
            seed=11,
        ),
        Checkpoint(
            "llama-tied-bf16",
            "LLaMA with a tied head and bf16 weights, one key/value head, linear RoPE scaling of another base",
            LlamaConfig(
                **{**LLAMA_SHAPE, "num_key_value_heads": 1, "rms_norm_eps": 1e-6},
                tie_word_embeddings=True,
                rope_parameters={"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0},
            ),
            LlamaForCausalLM,
            seed=120,
            dtype=torch.bfloat16,
        ),
        Checkpoint(
            "llama-rope-scaled",
            "LLaMA-3 RoPE scaling run to three times original_max_position_embeddings; biases everywhere",
            LlamaConfig(
                **{**LLAMA_SHAPE, "hidden_size": 64, "intermediate_size": 48, "num_hidden_layers": 2},
                tie_word_embeddings=False,
                attention_bias=True,
                mlp_bias=True,
                rope_parameters={
                    "rope_type": "llama3",
                    "rope_theta": 10000.0,
                    "factor": 8.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 32,
                },
            ),
            LlamaForCausalLM,
            seed=13,
            rows=96,
            prompt=96,
        ),
        Checkpoint(
            "mistral-sharded",
            "Mistral: explicit head_dim that is not hidden/heads, no sliding window; weights in three shards",
            MistralConfig(**LLAMA_SHAPE, head_dim=20, sliding_window=None, tie_word_embeddings=False),
            MistralForCausalLM,
            seed=14,
            shard_bytes="120KB",
        ),
        Checkpoint(
            "gpt2",
            "GPT-2: learned positions, LayerNorm, fused QKV, tanh GELU, tied head",
            GPT2Config(
                vocab_size=112,
                n_positions=128,
                n_embd=48,
                n_layer=2,
                n_head=4,
                bos_token_id=0,
                eos_token_id=0,
            ),
            GPT2LMHeadModel,
            seed=150,
        ),
    ]


# Chosen so that every fixture has logits of std >= 1 and attention that is neither flat nor one-hot;
# transformers' own initialisation (std 0.02) gives nearly uniform attention, which hides faults.
GAINS = {"q_proj": 1.6, "k_proj": 1.6, "c_attn": 1.5, "lm_head": 2.5, "wpe": 0.7}


def build(spec: Checkpoint):
    """The model with every parameter drawn anew: matrices N(0, gain²/fan-in), norms about 1, biases about 0."""
    generator = torch.Generator().manual_seed(spec.seed)
    model = spec.model(spec.config).eval()
    normal = lambda shape: torch.randn(shape, generator=generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            kind = name.split(".")[-2]
            if parameter.dim() == 1:
                parameter.copy_(0.2 * normal(parameter.shape) + (1.0 if name.endswith("weight") else 0.0))
            elif kind in ("embed_tokens", "wte", "wpe"):
                parameter.copy_(GAINS.get(kind, 0.6) * normal(parameter.shape))
            else:
                # GPT-2's Conv1D stores [in, out], nn.Linear [out, in].
                fan_in = parameter.shape[0] if spec.model is GPT2LMHeadModel else parameter.shape[1]
                parameter.copy_(GAINS.get(kind, 1.0) / fan_in**0.5 * normal(parameter.shape))
            parameter.copy_(parameter.to(spec.dtype).float())
    ids = torch.randint(3, spec.config.vocab_size, (1, spec.rows), generator=generator)
    return model, ids
