"""The heavy libraries, imported by one thread at a time.

transformers and peft make their names on first use; two threads that ask at once can each meet a half-made module.
Every function that may be the first to need them calls `import_libraries` before it imports from them.
"""

import importlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_ONE_AT_A_TIME = threading.Lock()
_COMPILES_NOTHING = "TORCHDYNAMO_DISABLE"
_NAMES = ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer", "BitsAndBytesConfig")


def import_libraries() -> None:
    """Import torch, transformers and peft, once; others wait until that is done."""
    with _ONE_AT_A_TIME:
        _import_once()


@cache
def _import_once() -> None:
    with _compiling_nothing():
        for name in ("torch", "transformers", "peft"):
            importlib.import_module(name)
    transformers = importlib.import_module("transformers")
    for name in _NAMES:
        getattr(transformers, name)


@contextmanager
def _compiling_nothing() -> Iterator[None]:
    """Let torch.compile return what it is given: bitsandbytes calls it as it is imported, for four small functions.

    That imports torch's whole compiler, a quarter of all this takes. A graphics card has its own kernels for the four,
    and on a processor they are no faster compiled.
    """
    before = os.environ.get(_COMPILES_NOTHING)
    os.environ.update({_COMPILES_NOTHING: "1"})
    try:
        yield
    finally:
        os.environ.pop(_COMPILES_NOTHING)
        os.environ.update({} if before is None else {_COMPILES_NOTHING: before})


def quiet_libraries() -> None:
    """Keep the libraries' progress bars and advice out of the log, where a person looks for what went wrong."""
    transformers_logging = importlib.import_module("transformers.utils.logging")
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
