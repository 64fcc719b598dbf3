"""Writes packages/core/fixtures/blocks: numbers, and the q8_0 and q4_0 blocks that the `gguf` package (llama.cpp's own Python side) makes of them.

    python3 tools/goldens/blocks.py      (needs requirements.txt)
"""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, dequantize, quantize

target = Path(__file__).parents[2] / "packages/core/fixtures/blocks"
target.mkdir(parents=True, exist_ok=True)

random = np.random.default_rng(20261126)
blocks = [
    random.standard_normal((16, 32)),
    random.standard_normal((4, 32)) * 2.0 ** random.integers(-20, 13, (4, 1)),  # scales down to f16's subnormal numbers
    random.integers(-8, 9, (4, 32)) / 8.0,  # many ties for the largest, many halves
    np.zeros((1, 32)),
    np.where(random.random((4, 32)) < 0.1, random.standard_normal((4, 32)) * 30, random.standard_normal((4, 32))),  # outliers
    np.full((1, 32), -0.75),
    random.standard_normal((4, 32)) * 1e-9,  # a scale that f16 cannot tell from zero
]
values = np.concatenate(blocks).astype(np.float32)
values.tofile(target / "values.f32")
for name, kind in ("q8_0", GGMLQuantizationType.Q8_0), ("q4_0", GGMLQuantizationType.Q4_0):
    stored = quantize(values, kind)
    stored.tofile(target / f"blocks.{name}")
    dequantize(stored, kind).astype(np.float32).tofile(target / f"decoded.{name}.f32")
