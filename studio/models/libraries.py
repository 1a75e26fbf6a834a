"""The heavy libraries, imported by one thread at a time.

transformers and peft make their names on first use; two threads that ask at once can each meet a half-made module.
Every function that may be the first to need them calls `import_libraries` before it imports from them.
"""

import importlib
import threading
from functools import cache

_ONE_AT_A_TIME = threading.Lock()
_NAMES = ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer", "BitsAndBytesConfig")


def import_libraries() -> None:
    """Import torch, transformers and peft, once; others wait until that is done."""
    with _ONE_AT_A_TIME:
        _import_once()


@cache
def _import_once() -> None:
    for name in ("torch", "transformers", "peft"):
        importlib.import_module(name)
    transformers = importlib.import_module("transformers")
    for name in _NAMES:
        getattr(transformers, name)
