"""Writes packages/models/fixtures/gguf with llama.cpp's own Python side (the `gguf` package) and SentencePiece:

- types.gguf: a tensor of each type that Whittle converts, with what `gguf.dequantize` makes of it beside it as f32 (`<name>.decoded`). The types that the package cannot quantise to are
  random bytes under scales of ordinary size.
- spm.gguf: the vocabulary of a small SentencePiece BPE model, and spm.json: what SentencePiece makes of some texts.

    python3 tools/goldens/gguf_fixtures.py      (needs requirements.txt)
"""

import io
import json
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter

repository = Path(__file__).parents[2]
target = repository / "packages/models/fixtures/gguf"
target.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(20261127)


def quantised(kind: Type) -> np.ndarray:
    values = (random.standard_normal((3, 512)) * 0.3).astype(np.float32)
    try:
        return gguf.quantize(values, kind)
    except NotImplementedError:
        pass
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (3 * 512 // elements, size), dtype=np.uint8)
    # Where the f16 scales of a block are.
    halves = {Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q5_K: [0, 2], Type.IQ4_NL: [0], Type.IQ4_XS: [0]}[kind]
    for byte in halves:
        scales = random.uniform(-0.05, 0.05, len(blocks)).astype(np.float16)
        blocks[:, byte : byte + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(3, -1)


writer = GGUFWriter(target / "types.gguf", "whittle-types")
kinds = [Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q2_K, Type.Q3_K, Type.Q5_K, Type.IQ4_NL, Type.IQ4_XS, Type.Q8_0, Type.Q4_0]
for kind in kinds:
    stored = quantised(kind)
    writer.add_tensor(kind.name, stored, raw_dtype=kind)
    writer.add_tensor(f"{kind.name}.decoded", gguf.dequantize(stored, kind).astype(np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

model = io.BytesIO()
lines = [line for line in (repository / "LICENSE").read_text().splitlines() if line.strip()]
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(lines),
    model_writer=model,
    model_type="bpe",
    vocab_size=600,
    byte_fallback=True,
    normalization_rule_name="identity",
    remove_extra_whitespaces=False,
    split_digits=True,
    max_sentence_length=100_000,
    num_threads=1,
    minloglevel=2,
)
processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
ids = range(processor.vocab_size())
kind_of = lambda i: 2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1
writer = GGUFWriter(target / "spm.gguf", "whittle-vocabulary")
writer.add_tokenizer_model("llama")
writer.add_token_list([processor.id_to_piece(i) for i in ids])
writer.add_token_scores([processor.get_score(i) for i in ids])
writer.add_token_types([kind_of(i) for i in ids])
writer.add_bos_token_id(processor.bos_id())
writer.add_eos_token_id(processor.eos_id())
writer.add_unk_token_id(processor.unk_id())
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

texts = [
    "Once upon a time there was a model.",
    " two  spaces   and more    ",
    "The licensor shall not be liable for 12345 things!",
    "ä, 日本語, emoji \U0001f600 and \n a new line\ttab",
    "def f(x):\n    return x ** 2\n",
    "x",
    "",
    *random.choice(lines, 12, replace=False).tolist(),
]
golden = [{"text": text, "ids": processor.encode(text), "decoded": processor.decode(processor.encode(text))} for text in texts]
(target / "spm.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
