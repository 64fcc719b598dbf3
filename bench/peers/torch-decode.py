"""PyTorch beside Whittle on the same GPU: decode and prefill of a random LLaMA of the given sizes through transformers, eager and compiled.

Run by `npm run bench -- cuda-figures` where python3 has torch and transformers; prints lines of JSON, each with more than the one before.
"""

import argparse
import json
import statistics
import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, StaticCache

parser = argparse.ArgumentParser()
parser.add_argument("--sizes", required=True, help="JSON: hiddenSize, layers, heads, kvHeads, headDim, intermediateSize, vocabSize")
parser.add_argument("--batches", default="1,32")
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--tokens", type=int, default=64)
parser.add_argument("--prefill", type=int, default=4096)
parser.add_argument("--compiled", default="", help="batches to decode with a static cache and torch.compile as well")
parser.add_argument("--device", default="cuda")
options = parser.parse_args()
sizes = json.loads(options.sizes)
device = options.device


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


def build():
    config = LlamaConfig(
        hidden_size=sizes["hiddenSize"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        num_key_value_heads=sizes["kvHeads"],
        head_dim=sizes["headDim"],
        intermediate_size=sizes["intermediateSize"],
        vocab_size=sizes["vocabSize"],
        max_position_embeddings=max(4096, options.prefill),
        tie_word_embeddings=False,
        attn_implementation="sdpa",
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        return LlamaForCausalLM(config).eval()


def prompt(rows, length):
    return torch.randint(0, sizes["vocabSize"], (rows, length), device=device)


def milliseconds(run, repeats):
    times = []
    for repeat in range(repeats + 1):
        wait()
        start = time.perf_counter()
        run()
        wait()
        if repeat > 0:
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def decode(model, rows, cache, forward):
    """Milliseconds of a step after `context` tokens, the ids staying on the GPU."""
    output = model(prompt(rows, options.context), past_key_values=cache, use_cache=True, logits_to_keep=1)
    cache = output.past_key_values
    ids = output.logits[:, -1:].argmax(-1)

    def step(position, ids):
        logits = forward(ids, cache, torch.tensor([[position]], device=device).expand(rows, 1))
        return logits[:, -1:].argmax(-1).clone()

    position = options.context
    for _ in range(4):
        ids = step(position, ids)
        position += 1
    wait()
    start = time.perf_counter()
    for _ in range(options.tokens):
        ids = step(position, ids)
        position += 1
    wait()
    return 1e3 * (time.perf_counter() - start) / options.tokens


def eager(model):
    return lambda ids, cache, positions: model(ids, past_key_values=cache, position_ids=positions, use_cache=True).logits


@torch.inference_mode()
def main():
    model = build()
    figures = {"torch": torch.__version__, "transformers": transformers.__version__, "decodeMs": {}, "compiledDecodeMs": {}}
    for rows in map(int, options.batches.split(",")):
        figures["decodeMs"][rows] = decode(model, rows, None, eager(model))
    if options.prefill > 0:
        ids = prompt(1, options.prefill)
        figures["prefillMs"] = milliseconds(lambda: model(ids, use_cache=True, logits_to_keep=1), 5)
    print(json.dumps(figures), flush=True)
    for rows in map(int, filter(None, options.compiled.split(","))):
        cache = StaticCache(config=model.config, max_cache_len=options.context + options.tokens + 8)
        start = time.perf_counter()
        forward = torch.compile(eager(model), mode="reduce-overhead", fullgraph=False)
        figures["compiledDecodeMs"][rows] = decode(model, rows, cache, forward)
        print(f"compiled and ran in {time.perf_counter() - start:.0f} s", file=sys.stderr)
        # As it comes: the next compilation may be cut off.
        print(json.dumps(figures), flush=True)


main()
