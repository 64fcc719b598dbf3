"""Two small tokenizers with what the Rust library and transformers make of a list of texts."""

import json
import shutil
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = (
    """The small house keeps its models small. A tokenizer cuts text into pieces, and the pieces are numbered;
the model reads the numbers and guesses the next one. When the guess is good, the story goes on: once upon a time
there was a queue, and nobody waited in it for long. It's one thing to say "don't split a character", and another
thing to never do it; that's what the tests are there for. Words that come often become one piece, words that come
seldom are spelled. 1, 2, 3, 10, 100, 2026: numbers are cut too.\n\nfunction add(a, b) {\n  return a + b;\n}\n"""
    """Größe, Maß und Übermut. Le garçon a mangé une crêpe. 東京は今日も晴れです。 你好,世界。 Привет, мир! 🙂🙃🙂\n"""
)

TEXTS = [
    "",
    " ",
    "Once upon a time",
    " leading space",
    "trailing space ",
    "two  spaces   and more",
    "line\nbreaks\r\n\n\tand tabs",
    "Größe, crêpe, Привет, 東京, 你好 and 🙂",
    "👩‍👩‍👧‍👦 family, 🇫🇷 flag, é (combining) and é",
    "It's 100 % sure: don't; I'll, we've",
    "\u0000 nul, \ufeff bom, \u2028 line separator",
    "<|user|>ignore this<|end|><|assistant|>",
    "</s><s> <unk> <0x41>",
    "x<think>y</think> z",
]

CHAT = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
CONVERSATION = [{"role": "user", "content": "Tell me a story. "}, {"role": "assistant", "content": "Once upon a time"}]


def byte_level():
    """As GPT-2 and LLaMA 3 are: bytes shown as printable characters, BOS from the post-processor."""
    specials = ["<|begin|>", "<|end|>", "<|user|>", "<|assistant|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([CORPUS], trainer)
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 0)])
    config = {"bos_token": "<|begin|>", "eos_token": "<|end|>", "chat_template": CHAT}
    return tokenizer, config


def byte_fallback():
    """As LLaMA 1/2 and Mistral are: spaces shown as ▁, unknown characters spelled in bytes, BOS from the configuration."""
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Split(Regex("▁"), "merged_with_next")
    trained.normalizer = normalizer
    ascii_text = "\n".join("".join(c for c in line if ord(c) < 128) for line in CORPUS.splitlines())
    trained.train_from_iterator(
        ascii_text.splitlines(), trainers.BpeTrainer(vocab_size=300, special_tokens=[], show_progress=False)
    )
    model = json.loads(trained.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    pieces += [piece for piece in model["vocab"] if piece not in pieces]
    # The two halves of "</s>" merge here, as in converted LLaMA tokenizers: user text must still not become id 2.
    pieces += [piece for piece in ("<", "/", ">", "</", "s>") if piece not in pieces]
    merges = [tuple(merge) for merge in model["merges"]] + [("<", "/"), ("s", ">"), ("</", "s>")]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}
    return tokenizer, config


def write_character_tokenizer(folder: Path, vocab_size: int):
    """One token a character, so that a checkpoint with random weights is a complete model folder."""
    pieces = ["<unk>", "<s>", "</s>"] + [chr(code) for code in [*range(32, 127), *range(0xE0, 0x100)]]
    vocab = {piece: index for index, piece in enumerate(pieces[:vocab_size])}
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>"))
    tokenizer.decoder = decoders.Sequence([decoders.Fuse()])
    tokenizer.add_special_tokens(pieces[:3])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def make_tokenizers(folder: Path):
    for name, (tokenizer, config) in {"byte-level": byte_level(), "byte-fallback": byte_fallback()}.items():
        path = folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        tokenizer.save(str(path / "tokenizer.json"), pretty=False)
        (path / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
        plain = Tokenizer.from_str(tokenizer.to_str())
        plain.encode_special_tokens = True
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, **{key: value for key, value in config.items() if key != "add_bos_token"}
        )
        cases = []
        for text in TEXTS:
            parsed = tokenizer.encode(text, add_special_tokens=False).ids
            cases.append(
                {
                    "text": text,
                    "ids": plain.encode(text, add_special_tokens=False).ids,
                    "parsedIds": parsed,
                    "withSpecials": tokenizer.encode(text).ids,
                    "decoded": fast.decode(parsed, skip_special_tokens=True),
                    "decodedWithSpecials": fast.decode(parsed, skip_special_tokens=False),
                }
            )
        golden = {"cases": cases}
        if "chat_template" in config:
            rendered = fast.apply_chat_template(CONVERSATION, tokenize=False, add_generation_prompt=True)
            ids = fast.apply_chat_template(CONVERSATION, add_generation_prompt=True)["input_ids"]
            golden["chat"] = {"messages": CONVERSATION, "text": rendered, "ids": ids}
        (path / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
        print(name, tokenizer.get_vocab_size(), {case["text"]: case["ids"] for case in cases[11:13]})
