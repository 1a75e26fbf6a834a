"""Planning for a graphics card that is not here: which cards people ask about, and what a draft plans for.

Knows memory alone; how fast a card is can only be measured on it.
"""

from typing import Any

from studio.models.device import DeviceFacts, imagine_card

CARDS = {8: "RTX 4060, laptop", 12: "RTX 3060, 4070", 24: "RTX 3090, 4090, L4", 80: "A100, H100"}
"""Gigabytes, and what people have with so many."""


def read_card(value: object) -> int | None:
    """Return the card that a draft or a link names, in gigabytes; None for none that is planned for."""
    written = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return next((gigabytes for gigabytes in CARDS if written == str(gigabytes)), None)


def find_planned(draft: dict[str, Any]) -> DeviceFacts | None:
    """Return the card that a draft plans for; None where it plans for this computer."""
    card = read_card(draft.get("card"))
    return imagine_card(card) if card else None


def put_on(recipe: dict[str, Any], device: DeviceFacts) -> dict[str, Any]:
    """Return a recipe as one would train it on a card: a base in 32 bits is kept in 16 there."""
    return {**recipe, "precision": device.usual_precision} if recipe.get("precision") == "fp32" else recipe
