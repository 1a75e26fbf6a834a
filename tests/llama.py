"""A real llama.cpp in this process: what it makes of an exported file. Only where xllamacpp is installed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


class Llama:
    """One file, served."""

    def __init__(self, address: str) -> None:
        self.address = address

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a text, with the one that begins every text."""
        asked = {"content": text, "add_special": True, "parse_special": True}
        return list(self._post("/tokenize", asked)["tokens"])

    def write(self, prompt: str | list[int], count: int) -> list[int]:
        """Return the likeliest tokens after a prompt, until one ends the answer."""
        asked = {"prompt": prompt, "n_predict": count, "temperature": 0, "return_tokens": True, "cache_prompt": False}
        return list(self._post("/completion", asked)["tokens"])

    def _post(self, path: str, told: dict[str, Any]) -> Any:
        request = Request(self.address + path, json.dumps(told).encode(), {"content-type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)


@contextmanager
def serve(file: Path) -> Iterator[Llama]:
    """Have llama.cpp serve a file on this computer."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(file), 512, 1
    params.cpuparams.n_threads, params.warmup, params.verbosity = 1, False, 0
    server = Server(params)
    try:
        yield Llama(server.listening_address)
    finally:
        del server


def drop_ends(tokens: list[int], ends: frozenset[int] | set[int]) -> list[int]:
    """Return an answer without the token that ended it, which one side tells and the other doesn't."""
    return tokens[:-1] if tokens and tokens[-1] in ends else tokens
