"""Writes packages/core/fixtures/k-blocks: numbers, the q4_K and q6_K blocks that ggml's reference quantisers make of them, and what the `gguf` package (llama.cpp's own Python side,
which does not quantise these) decodes them to. ggml comes with node-llama-cpp, which bench/peers installs:

    python3 tools/goldens/k-blocks.py bench/peers/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so      (needs requirements.txt)
"""

import ctypes
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, dequantize

ggml = ctypes.CDLL(sys.argv[1])
target = Path(__file__).parents[2] / "packages/core/fixtures/k-blocks"
target.mkdir(parents=True, exist_ok=True)

random = np.random.default_rng(20261127)
rows = [
    random.standard_normal((6, 256)),
    random.standard_normal((3, 256)) * 2.0 ** random.integers(-20, 13, (3, 1)),  # scales down to f16's subnormal numbers
    random.standard_normal((2, 256)) * np.repeat(2.0 ** random.integers(-12, 1, (2, 16)), 16, axis=1),  # runs of unlike sizes
    random.integers(-8, 9, (2, 256)) / 8.0,  # many equals, many halves
    np.zeros((1, 256)),
    np.where(random.random((2, 256)) < 0.1, random.standard_normal((2, 256)) * 30, random.standard_normal((2, 256))),  # outliers
    np.abs(random.standard_normal((2, 256))) + 0.5,  # nothing below zero
    np.full((1, 256), -0.75),
    np.repeat(random.integers(0, 2, (1, 16)), 16, axis=1) * random.standard_normal((1, 256)),  # runs of zeros
    random.standard_normal((1, 256)) * 1e-9,  # a scale that f16 cannot tell from zero
    random.standard_normal((1, 256)) * 1e-18,
]
values = np.ascontiguousarray(np.concatenate(rows), dtype=np.float32)
values.tofile(target / "values.f32")
for name, kind, size in ("q4_K", GGMLQuantizationType.Q4_K, 144), ("q6_K", GGMLQuantizationType.Q6_K, 210):
    stored = np.empty((len(values), size), dtype=np.uint8)
    getattr(ggml, f"quantize_row_{name}_ref")(
        values.ctypes.data_as(ctypes.c_void_p), stored.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(values.size)
    )
    stored.tofile(target / f"blocks.{name}")
    dequantize(stored, kind).astype(np.float32).tofile(target / f"decoded.{name}.f32")
