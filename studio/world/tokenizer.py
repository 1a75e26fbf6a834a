"""The tokenizer of the built-in base model, and the corpus as files of tokens.

Knows: byte-level BPE with single digits, the special tokens, the chat template, the token files in the build folder.
Does not know: what the documents say (`corpus.py`) and how they are learned (`pretraining.py`).
Writes `train.bin` and `validation.bin` (unsigned 16-bit token ids) and `tokenizer/` into the build folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from studio.world.corpus import SHARD_DOCUMENTS, VALIDATION_SEED, write_documents

VOCABULARY = 4096
PAD, BOS, EOS, USER, ASSISTANT, SYSTEM, END = SPECIALS = (
    "<|pad|>",
    "<|bos|>",
    "<|eos|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|end|>",
)
MAX_TOKENS = 1024
TRAINING_DOCUMENTS = 40_000
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% elif message['role'] == 'system' %}<|system|>{{ message['content'] }}<|end|>"
    "{% else %}<|user|>{{ message['content'] }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
Tokens = NDArray[np.uint16]


def train_tokenizer(documents: Iterable[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """A byte-level BPE tokenizer learned from the documents; digits are tokens of their own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=3,
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    bos = (BOS, tokenizer.token_to_id(BOS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[bos]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Saves it as `transformers` does, with its special tokens and chat template."""
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM, END],
        chat_template=CHAT_TEMPLATE,
        model_max_length=MAX_TOKENS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)


def encode_documents(tokenizer: Tokenizer, documents: Iterable[str]) -> Tokens:
    """The documents one after another, each between its bos and its eos."""
    eos = int(tokenizer.token_to_id(EOS) or 0)
    ids: list[int] = []
    for encoding in tokenizer.encode_batch(list(documents)):
        ids += [*encoding.ids, eos]
    return np.array(ids, dtype=np.uint16)


def _encode_shard(tokenizer_file: str, seed: int) -> Tokens:
    return encode_documents(Tokenizer.from_file(tokenizer_file), write_documents(seed, SHARD_DOCUMENTS))


def save_tokens(build_folder: Path, shards: int, processes: int = 2) -> None:
    """Makes the tokenizer and the token files in the build folder; the same files for the same number of shards."""
    folder = build_folder / "tokenizer"
    tokenizer = train_tokenizer(write_documents(VALIDATION_SEED + 1, TRAINING_DOCUMENTS))
    save_tokenizer(tokenizer, folder)
    encode = partial(_encode_shard, str(folder / "tokenizer.json"))
    encode(VALIDATION_SEED).tofile(build_folder / "validation.bin")
    beside = build_folder / "train.bin.part"
    with get_context("spawn").Pool(processes) as pool, beside.open("wb") as file:
        for tokens in pool.imap(encode, range(shards)):
            tokens.tofile(file)
    beside.rename(build_folder / "train.bin")


def load_tokens(build_folder: Path, name: str) -> Tokens:
    """The token ids of `train` or `validation`, read from disk only where they are used."""
    return np.memmap(build_folder / f"{name}.bin", dtype=np.uint16, mode="r")
