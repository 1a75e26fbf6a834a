"""Tokenizers of the kinds that models come with, as small as they can be, made of a few lines of text.

Knows the engines' pieces (byte-level, SentencePiece's habits, word pieces), and no model. Every one has the control
tokens it is given.
"""

import json
from collections.abc import Sequence
from typing import Any

TEXT = [
    "Definition: Turn the statement into a question.",
    "Input: They closed the window at home.",
    "Output: Did they?",
    "def add(a, b):\n    total = a + b\n    return total\n",
    '{"name": "rain", "arguments": {"town": "Oslo"}}',
] * 30


def make_byte_level(
    specials: Sequence[str] = ("<s>", "</s>"), *, adds: str = "", blank_first: bool = False, **named: str
) -> Any:
    """GPT-2's kind; `adds` is what it puts around each text, such as "<s> $A"."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=blank_first)
    engine.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=[], initial_alphabet=alphabet, show_progress=False)
    engine.train_from_iterator(TEXT, trainer)
    engine.post_processor = processors.ByteLevel(trim_offsets=True)
    return _finish(engine, specials, adds, named)


def make_sentence_piece(specials: Sequence[str] = ("<s>", "</s>"), *, adds: str = "<s> $A", **named: str) -> Any:
    """Llama 2's kind: a blank is a low line, and one is put before every text and after every control token."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    engine = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    engine.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    engine.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    kept = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    engine.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=700, special_tokens=kept, show_progress=False))
    engine.pre_tokenizer = None
    engine.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    said = json.loads(engine.to_str())
    said["added_tokens"] = [token for token in said["added_tokens"] if token["content"] == "<unk>"]
    return _finish(Tokenizer.from_str(json.dumps(said)), specials, adds, {"unk_token": "<unk>", **named})


def make_metaspace(specials: Sequence[str] = ("<s>", "</s>"), *, adds: str = "$A </s>", **named: str) -> Any:
    """T5's kind: a blank is put before the text alone, and each text is ended."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    engine = Tokenizer(models.Unigram())
    engine.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    engine.decoder = decoders.Metaspace()
    letters = sorted(
        set("".join(TEXT))
        | set("<>/|_-:;,.=+(){}[]!?'*^~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>"], unk_token="<unk>", initial_alphabet=letters, show_progress=False
    )
    engine.train_from_iterator(TEXT, trainer)
    return _finish(engine, specials, adds, {"unk_token": "<unk>", **named})


def make_word_piece(specials: Sequence[str] = ("[CLS]", "[SEP]"), **named: str) -> Any:
    """BERT's kind: words are parted at every mark, and a continuation is marked by two crosses."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    engine = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    engine.normalizer = normalizers.BertNormalizer(lowercase=True)
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[UNK]"], show_progress=False)
    engine.train_from_iterator(TEXT, trainer)
    return _finish(
        engine, specials, "[CLS] $A [SEP]", {"bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]", **named}
    )


def _finish(engine: Any, specials: Sequence[str], adds: str, named: dict[str, str]) -> Any:
    from tokenizers import AddedToken, processors
    from transformers import PreTrainedTokenizerFast

    engine.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in specials])
    if adds:
        around = [(text, engine.token_to_id(text)) for text in specials if text in adds.split()]
        engine.post_processor = processors.TemplateProcessing(single=adds, special_tokens=around)
    names = {"bos_token": "<s>", "eos_token": "</s>"} | named
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=engine, **{key: text for key, text in names.items() if text})
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
