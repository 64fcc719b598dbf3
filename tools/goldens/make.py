"""Makes the golden fixtures: tiny random checkpoints with the logits that transformers computes from them.

    python make.py            write ../../tests/fixtures/goldens/<name>/
    python make.py --check    recompute every committed fixture in numpy and measure planted faults
    python make.py --embeddings   write only embeddings.json into each of them
    python make.py --tokenizers   write ../../packages/models/fixtures/tokenizers/<name>/
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

from checkpoints import Checkpoint, build, checkpoints
from forward import forward, load, swap_heads
from tokenizer_fixtures import make_tokenizers, write_character_tokenizer

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "fixtures" / "goldens"
TOLERANCE = 1e-4


def attention_entropy(model, ids):
    """Mean over layers, heads and positions >= 8 of H(attention) / H(uniform): 1 is flat, 0 is one-hot."""
    attentions = model(ids, output_attentions=True).attentions
    p = torch.stack(attentions).double()[:, 0, :, 8:]
    entropy = -(p * p.clamp_min(1e-300).log()).sum(-1)
    uniform = torch.arange(9, ids.shape[1] + 1).double().log()
    return (entropy / uniform).mean().item()


def greedy(model, ids, count=32):
    """Continuation without a cache, and the smallest distance between the two best logits on the way."""
    chosen, smallest = [], float("inf")
    for _ in range(count):
        top = model(ids).logits[0, -1].topk(2)
        smallest = min(smallest, (top.values[0] - top.values[1]).item())
        chosen.append(top.indices[0].item())
        ids = torch.cat([ids, top.indices[:1][None]], 1)
    return chosen, smallest


def write_embeddings(spec: Checkpoint, model, ids):
    """Pooled states after the final norm, of length 1, of parts of the ids: what sentence-transformers' mean and last-token pooling give."""
    texts = []
    for first, end in (0, ids.shape[1]), (0, 1), (spec.prompt // 2, spec.prompt):
        with torch.no_grad():
            states = model.base_model(ids[:, first:end]).last_hidden_state[0]
        pooled = {"mean": states.mean(0), "last": states[-1]}
        unit = {name: torch.nn.functional.normalize(vector, dim=0).tolist() for name, vector in pooled.items()}
        texts.append({"from": first, "to": end, **unit})
    (GOLDENS / spec.name / "embeddings.json").write_text(json.dumps(texts) + "\n")


def make(spec: Checkpoint):
    folder = GOLDENS / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    model, ids = build(spec)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        logits = model(ids).logits[0]
        entropy = attention_entropy(model, ids)
        continuation, gap = greedy(model, ids[:, : spec.prompt])
    std = logits.std().item()
    assert std >= 1, f"{spec.name}: logit std {std}"
    assert 0.2 <= entropy <= 0.8, f"{spec.name}: attention entropy {entropy}"
    assert gap >= 5e-3, f"{spec.name}: the greedy path passes a near tie ({gap})"
    assert len(set(continuation)) >= 10, f"{spec.name}: the greedy path repeats itself"
    folder.mkdir()
    write_embeddings(spec, model, ids)
    model.to(spec.dtype).save_pretrained(folder, max_shard_size=spec.shard_bytes)
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_character_tokenizer(folder, spec.config.vocab_size)
    save_file({"ids": ids[0].int(), "logits": logits.contiguous()}, folder / "golden.safetensors")
    facts = {
        "purpose": spec.purpose,
        "madeWith": f"transformers {transformers.__version__}, torch {torch.__version__}, float32",
        "seed": spec.seed,
        "rows": spec.rows,
        "logitStd": round(std, 4),
        "largestLogit": round(logits.abs().max().item(), 4),
        "attentionEntropy": round(entropy, 4),
        "greedy": {"promptLength": spec.prompt, "ids": continuation, "smallestTop2Gap": round(gap, 5)},
    }
    (folder / "golden.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(spec.name, facts["logitStd"], facts["attentionEntropy"], facts["greedy"]["smallestTop2Gap"])


def check():
    """Prints max|difference| / max|logit| of the numpy forward against each fixture, whole and with faults."""
    print(f"{'fixture':20}{'correct':>10}{'theta':>10}{'unscaled':>10}{'heads':>10}{'position':>10}   (fails above {TOLERANCE})")
    for folder in sorted(path for path in GOLDENS.iterdir() if path.is_dir()):
        config, weights = load(folder)
        golden = load_file(folder / "golden.safetensors")
        ids, logits = golden["ids"].numpy(), golden["logits"].double().numpy()

        def off(config=config, w=weights, **fault):
            return np.abs(forward(config, w, ids, **fault) - logits).max() / np.abs(logits).max()

        rope = config.get("rope_parameters")
        scaled = rope and rope["rope_type"] != "default"
        unscaled = {**config, "rope_parameters": {**(rope or {}), "rope_type": "default"}}
        faults = [
            off(),
            off(theta=rope["rope_theta"] * 1.01) if rope else None,
            off(config=unscaled) if scaled else None,
            off(w=swap_heads(config, weights)),
            off(shift=1),
        ]
        print(f"{folder.name:20}" + "".join(f"{'-':>10}" if f is None else f"{f:10.1e}" for f in faults))
        assert faults[0] <= TOLERANCE / 10, f"{folder.name}: numpy and transformers disagree"
        assert all(f is None or f > 10 * TOLERANCE for f in faults[1:]), f"{folder.name}: a fault goes unseen"


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
    elif "--embeddings" in sys.argv:
        torch.set_num_threads(1)
        for spec in checkpoints():
            model, ids = build(spec)
            model.set_attn_implementation("eager")
            write_embeddings(spec, model, ids)
    elif "--tokenizers" in sys.argv:
        make_tokenizers(ROOT / "packages" / "models" / "fixtures" / "tokenizers")
    else:
        torch.set_num_threads(1)
        for spec in checkpoints():
            make(spec)
