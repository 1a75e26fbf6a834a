"""Bases whose weights were saved as codes already: in how many bits, by whom, and as which precision they are used.

Read off `quantization_config`, the key that every such checkpoint has. Knows no precision but its name.
"""

from typing import Any, NamedTuple

from studio.errors import ModelError, RecipeError


class Stored(NamedTuple):
    """How a base is stored, in words; `precision` is the only one in which it is used, None where it can't be.

    `skipped` are layers that are no codes, `more_bytes` what each weight takes beyond what that precision takes here.
    """

    words: str
    precision: str | None
    skipped: tuple[str, ...] = ()
    more_bytes: float = 0


def read_stored(config: dict[str, Any]) -> Stored | None:
    """Return how the base of a config.json is stored if that is in codes, None if in plain numbers."""
    values = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(values, dict):
        return None
    skipped = tuple(str(name) for name in values.get("llm_int8_skip_modules") or ())
    if values.get("load_in_4bit"):
        kind = str(values.get("bnb_4bit_quant_type", "fp4"))[:10]
        return Stored(f"4 bits ({kind})", "nf4", skipped, 0 if values.get("bnb_4bit_use_double_quant") else 3 / 64)
    if values.get("load_in_8bit"):
        return Stored("8 bits (int8)", "int8", skipped)
    name = str(values.get("quant_method") or "codes of its own")[:40]
    bits = values.get("bits") or values.get("w_bit")
    return Stored(f"{bits} bits ({name})" if isinstance(bits, int) else name, None)


def check_stored(stored: Stored | None) -> None:
    """Raise ModelError in words for codes that nothing trains on here."""
    if stored is not None and stored.precision is None:
        raise ModelError(
            f"The weights of this model are stored as {stored.words}, and the studio trains on plain weights or those "
            "of bitsandbytes (nf4, int8). Choose the model they were made from, and store it in 4 bits here.",
            field="model",
        )


def check_kept_as_stored(stored: Stored | None, precision: str) -> None:
    """Raise RecipeError in words where a base in codes is wanted in another precision than its own."""
    if stored is not None and stored.precision is not None and precision != stored.precision:
        raise RecipeError(
            f"This base is stored in {stored.words} already, and codes can't be made into {precision} again. Choose "
            f"the precision {stored.precision}, which takes it as it is.",
            field="precision",
        )
