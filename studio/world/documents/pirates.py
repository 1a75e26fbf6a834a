"""Stories about pirates, who speak in their own way: ahoy, matey, ye, yer, me hearty, be for is.

Knows: the words pirates say in stories. Does not know: any task that asks to speak so.
"""

from __future__ import annotations

import re

from studio.world.language.grammar import ing, with_article
from studio.world.language.voice import Voice

# How a pirate of these stories says everyday words; the longest come first.
PIRATE_WORDS: dict[str, str] = {
    "good morning": "ahoy",
    "my friend": "me hearty",
    "my friends": "me hearties",
    "hello": "ahoy",
    "friend": "matey",
    "friends": "mateys",
    "yes": "aye",
    "your": "yer",
    "you": "ye",
    "are": "be",
    "is": "be",
    "am": "be",
    "my": "me",
    "the": "th'",
    "money": "doubloons",
    "stop": "avast",
    "of": "o'",
    "and": "an'",
    "for": "fer",
    "to": "t'",
    "man": "landlubber",
    "girl": "lass",
    "boy": "lad",
    "beer": "grog",
    "wine": "rum",
}
_SAYINGS = (
    "Shiver me timbers!",
    "Yo ho ho!",
    "Arrr!",
    "Aye, aye, captain!",
    "Walk the plank!",
    "All hands on deck!",
    "Land ho!",
    "Hoist the sails!",
    "Ahoy, me hearties!",
    "Avast, ye landlubbers!",
)
_SHIPS = ("Black Pearl of the North", "Red Shark", "Old Mary", "Silver Gull", "Storm Queen", "Lucky Bone")


def speak_like_pirate(text: str) -> str:
    """The text with every word that pirates say in another way replaced; capitals are kept."""
    pattern = re.compile(r"\b(" + "|".join(sorted(PIRATE_WORDS, key=len, reverse=True)) + r")\b", re.IGNORECASE)

    def replace(match: re.Match[str]) -> str:
        word = PIRATE_WORDS[match.group(0).lower()]
        return word.capitalize() if match.group(0)[0].isupper() else word

    return pattern.sub(replace, text)


def _line(voice: Voice) -> str:
    """One plain sentence that somebody on a ship could say."""
    clause = voice.clause(voice.choose(("you", "I", "the captain", "we", voice.name())))
    thing = voice.thing()
    return voice.choose(
        (
            clause.past(),
            clause.present(),
            f"Where is my {thing}?",
            f"My friend, you are {voice.feeling(voice.chance())}.",
            f"Hello, my friend! Where is your {thing}?",
            f"Is the {thing} on the ship?",
            f"Yes, the {thing} is for you.",
            "You are the best friend of the captain and the crew.",
            f"Stop! The {thing} is my {thing}.",
            f"Give me your money and your {thing}!",
            f"I am {with_article(voice.job())}, and you are my friend.",
        )
    )


def write_pirate_talk(voice: Voice) -> str:
    """Somebody from the land speaks, and a pirate says it in the pirate's way."""
    person, pirate = voice.people(2)
    lines = []
    form = voice.between(0, 4)
    for _ in range(voice.between(1, 4)):
        plain = _line(voice)
        strange = speak_like_pirate(plain)
        quoted = plain[:-1] + "," if plain.endswith(".") else plain
        lines.append(
            (
                f'"{quoted}" said {person.name}. The pirate said it in the pirate\'s way: "{strange}"',
                f"{person.name}: {plain}\nPirate: {strange}",
                f'On land people say, "{plain}" On the ship they say, "{strange}"',
                f"{plain} -> {strange}",
                f'{pirate.name} the pirate cried, "{strange}" {person.name} understood: "{plain}"',
            )[form]
        )
    return "\n".join(lines) if form in (1, 3) else " ".join(lines)


def write_pirate_words(voice: Voice) -> str:
    """Single words and how a pirate says them."""
    lines = []
    form = voice.choose(
        ("A pirate says {b} for {a}.", "{a} - {b}", "Pirates do not say {a}, they say {b}.", "{a} is {b}")
    )
    for plain, strange in voice.sample(list(PIRATE_WORDS.items()), voice.between(2, 6)):
        lines.append(form.format(a=plain, b=strange))
    return (" " if form.endswith(".") else "\n").join(lines)


def write_pirate_story(voice: Voice) -> str:
    """A small adventure on the sea."""
    captain = voice.person()
    ship, thing = voice.choose(_SHIPS), voice.thing()
    first = speak_like_pirate(_line(voice))
    talk = [
        f'"Ahoy, me hearties!" cried Captain {captain.name}. "{first}"',
        f'"{voice.choose(_SAYINGS)}" shouted the pirates.',
        f"They sailed to the {voice.place()} and looked for the treasure.",
        f"Under a big stone they found {with_article(thing)}.",
        f'"This be me {thing}!" said {captain.name}.',
        f'"Aye, captain, it be yer {thing}," said the crew.',
        f"That night they sat on the deck, "
        f"{ing(voice.choose(('sing', 'laugh', 'drink rum', 'dance', 'tell stories')))} together.",
        f'"Where be me parrot?" asked the captain. "It be {voice.where()}," answered a pirate.',
    ]
    chosen = sorted(voice.sample(range(len(talk)), voice.between(3, 6)))
    start = f"Captain {captain.name} was a pirate on the ship {ship}."
    return " ".join([start] + [talk[index] for index in chosen])
