"""A tokenizer that may be anybody's: what it says of itself is here, what it makes of a text is made elsewhere.

A stranger's regular expression may never end, and their normaliser make gigabytes of a word; the process that answers
everybody must run neither. Knows how a text becomes tokens; knows nothing of where that is done.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from studio.errors import ModelError
from studio.models.loading import load_tokenizer
from studio.objectives.rendering import Rendering, TokenisedElsewhere, Tokens, list_controls
from studio.objectives.template import Render
from studio.tasks.prompt import Turn

MOST_CONTROLS = 10_000
"""Each is looked for in every text, here; Llama 3 has 256, Gemma 3 six thousand."""
MOST_SECONDS = 20.0
"""Of a processor, to load it: the largest takes five."""


class Elsewhere(NamedTuple):
    """What is done elsewhere with a folder's tokenizer; `time` tells the seconds of a processor that loading takes."""

    time: Callable[[Path], float]
    tokenise: Callable[[Path, Rendering], Tokens]
    number: Callable[[Path, str, bool], list[int]]
    spell: Callable[[Path, list[int], bool], str]
    render: Render


class ForeignTokenizer(TokenisedElsewhere):
    """The tokenizer of a folder, of which the studio's own code uses no more than is here. Raises ModelError in words.

    All texts and tokens go elsewhere, and come back within its limits.
    """

    def __init__(self, folder: Path, elsewhere: Elsewhere) -> None:
        if elsewhere.time(folder) > MOST_SECONDS:
            raise ModelError("The tokenizer of this model takes too long to load. Choose another model.", field="model")
        self.own, self._folder, self._elsewhere = load_tokenizer(folder), folder, elsewhere
        if (count := len(list_controls(self.own))) > MOST_CONTROLS:
            raise ModelError(
                f"The tokenizer of this model has {count:,} control tokens; at most {MOST_CONTROLS:,} can be told from "
                "what people write. Choose another model.",
                field="model",
            )

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def __len__(self) -> int:
        return len(self.own)

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """Return the tokens of a text, as a tokenizer does."""
        return {"input_ids": self._elsewhere.number(self._folder, text, add_special_tokens)}

    def decode(self, tokens: list[int], skip_special_tokens: bool = False) -> str:
        """Return the text of tokens."""
        return self._elsewhere.spell(self._folder, list(tokens), skip_special_tokens)

    def tokenise(self, rendering: Rendering) -> Tokens:
        """Return the tokens of a rendering's text, and where they are in it."""
        return self._elsewhere.tokenise(self._folder, rendering)

    def apply_chat_template(
        self, turns: list[Turn], tools: list[Turn] | None = None, *, add_generation_prompt: bool, tokenize: bool
    ) -> str:
        """Return what its chat template makes of turns."""
        assert not tokenize, "a text is tokenised by what it says is learnt"
        names = {name: token for name, token in self.own.special_tokens_map.items() if isinstance(token, str)}
        template = self.own.get_chat_template(None, tools)
        return self._elsewhere.render(template, names, turns, tools, add_generation_prompt)
