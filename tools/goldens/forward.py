"""The two architectures once more in numpy (float64), written from the papers: a check on the fixtures that
shares no code with transformers, and the place where faults are planted."""

import json
from pathlib import Path

import numpy as np
from safetensors.torch import load_file


def load(folder: Path):
    config = json.loads((folder / "config.json").read_text())
    weights = {}
    for file in sorted(folder.glob("model*.safetensors")):
        weights |= {name: tensor.double().numpy() for name, tensor in load_file(file).items()}
    return config, weights


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v, past=0):
    """[rows, heads, dim] each, k and v possibly with fewer heads; causal."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(q.shape[-1])
    scores = np.where(np.tri(len(q), dtype=bool), scores, -np.inf)
    return np.einsum("hqk,khd->qhd", softmax(scores), v)


def rope_frequencies(parameters, dim):
    frequency = parameters["rope_theta"] ** -(np.arange(0, dim, 2) / dim)
    if parameters.get("rope_type", "default") == "default":
        return frequency
    if parameters["rope_type"] == "linear":
        return frequency / parameters["factor"]
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    turns = parameters["original_max_position_embeddings"] * frequency / (2 * np.pi)
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    return (1 - smooth) * frequency / parameters["factor"] + smooth * frequency


def rotate(x, positions, frequency):
    angle = positions[:, None, None] * frequency
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = np.split(x, 2, -1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def llama(config, w, ids, shift=0, theta=None):
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    rope = dict(config["rope_parameters"])
    frequency = rope_frequencies({**rope, "rope_theta": theta or rope["rope_theta"]}, dim)
    norm = lambda x, name: x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * w[name]
    linear = lambda x, name: x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)
    positions = np.arange(len(ids)) + shift * (np.arange(len(ids)) >= len(ids) // 2)
    x = w["model.embed_tokens.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        h = norm(x, at + "input_layernorm.weight")
        q, k, v = (
            linear(h, f"{at}self_attn.{part}_proj").reshape(len(ids), count, dim)
            for part, count in (("q", heads), ("k", kv), ("v", kv))
        )
        mixed = attention(rotate(q, positions, frequency), rotate(k, positions, frequency), v)
        x = x + linear(mixed.reshape(len(ids), -1), at + "self_attn.o_proj")
        h = norm(x, at + "post_attention_layernorm.weight")
        gate = linear(h, at + "mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, at + "mlp.up_proj"), at + "mlp.down_proj")
    x = norm(x, "model.norm.weight")
    return x @ w["model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"].T


def gpt2(config, w, ids, shift=0, theta=None):
    heads = config["n_head"]
    dim = config["n_embd"] // heads

    def norm(x, name):
        d = x - x.mean(-1, keepdims=True)
        variance = (d * d).mean(-1, keepdims=True)
        return d / np.sqrt(variance + config["layer_norm_epsilon"]) * w[name + ".weight"] + w[name + ".bias"]

    conv = lambda x, name: x @ w[name + ".weight"] + w[name + ".bias"]
    gelu = lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][np.arange(len(ids)) + shift]
    for layer in range(config["n_layer"]):
        at = f"transformer.h.{layer}."
        qkv = conv(norm(x, at + "ln_1"), at + "attn.c_attn").reshape(len(ids), 3, heads, dim)
        x = x + conv(attention(*qkv.transpose(1, 0, 2, 3)).reshape(len(ids), -1), at + "attn.c_proj")
        x = x + conv(gelu(conv(norm(x, at + "ln_2"), at + "mlp.c_fc")), at + "mlp.c_proj")
    return norm(x, "transformer.ln_f") @ w["transformer.wte.weight"].T


def forward(config, weights, ids, **fault):
    return (gpt2 if config["model_type"] == "gpt2" else llama)(config, weights, ids, **fault)


def swap_heads(config, weights):
    """The weights with query heads 0 and 1 of layer 0 exchanged (each keeps reading its old key/value head's neighbour)."""
    swapped = dict(weights)
    if config["model_type"] == "gpt2":
        dim = config["n_embd"] // config["n_head"]
        name, axis = "transformer.h.0.attn.c_attn.weight", 1
    else:
        dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        name, axis = "model.layers.0.self_attn.q_proj.weight", 0
    order = np.arange(weights[name].shape[axis])
    order[: 2 * dim] = np.concatenate([order[dim : 2 * dim], order[:dim]])
    swapped[name] = np.take(weights[name], order, axis)
    return swapped
