"""What a program hands to an endpoint: its type, checked in words. What it means is for `studio.service`."""

from studio.errors import InputError


def check_text(value: object, name: str, most: int = 200) -> str:
    """Return `value` if it is a text of at most `most` characters. Raises InputError in words."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be text, not {say_type(value)}.", field=name)
    if len(value) > most:
        raise InputError(f"{name} has {len(value):,} characters; at most {most:,} are allowed. Shorten it.", field=name)
    return value


def check_integer(value: object, name: str, low: int, high: int) -> int:
    """Return `value` as a whole number between `low` and `high`. Raises InputError in words."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name} must be a whole number, not {say_type(value)}.", field=name)
    if not low <= value <= high:
        raise InputError(f"{name} must be between {low:,} and {high:,}, not {str(value)[:30]}.", field=name)
    return value


def say_type(value: object) -> str:
    """Return what a JSON value is, for people."""
    if value is None:
        return "nothing"
    return {
        "dict": "an object",
        "list": "a list",
        "str": "text",
        "bool": "true or false",
        "int": "a number",
        "float": "a number",
    }.get(type(value).__name__, type(value).__name__)
