"""Feelings and their causes.

Knows: what makes people glad or sad. Does not know: labels.
"""

from __future__ import annotations

from studio.world.language.grammar import with_article
from studio.world.language.voice import Voice


def _cause(voice: Voice, good: bool) -> str:
    """A deed in the past that explains a feeling."""
    if good:
        return voice.choose(
            (
                "won the game", "got a gift", "passed the test", "met an old friend", "found some money",
                "had a birthday party", "got a kind letter", "slept well", "made a new friend", "finished the work",
                f"ate {with_article(voice.adjective('food', 'good'))} {voice.choose(('cake', 'pizza', 'meal', 'pie'))}",
                f"heard {with_article(voice.adjective('show', 'good'))} song",
                f"saw {with_article(voice.adjective('show', 'good'))} film",
                f"got {with_article(voice.adjective('thing', 'good'))} {voice.thing()}",
                f"found the lost {voice.thing()}",
            )
        )  # fmt: skip
    return voice.choose(
        (
            "lost the game", "failed the test", "missed the bus", "lost some money", "had a bad dream", "hurt a foot",
            "got a rude letter", "could not sleep", "broke a leg", "was late again", "forgot the birthday of a friend",
            f"broke the {voice.thing()}", f"lost the {voice.thing()}",
            f"ate {with_article(voice.adjective('food', 'bad'))} {voice.choose(('cake', 'pizza', 'meal', 'pie'))}",
            f"saw {with_article(voice.adjective('show', 'bad'))} film",
            f"bought {with_article(voice.adjective('thing', 'bad'))} {voice.thing()}",
        )
    )  # fmt: skip


def write_feelings(voice: Voice) -> str:
    """Some people, what happened to them and how they felt."""
    lines = []
    for _ in range(voice.between(1, 4)):
        person, good = voice.person(), voice.chance()
        cause, feeling = _cause(voice, good), voice.feeling(good)
        shows = voice.choose(
            ("smiled", "laughed", "danced", "sang") if good else ("cried", "frowned", "shouted", "sighed")
        )
        lines.append(
            voice.choose(
                (
                    f"{person.name} {cause}, so {person.he} was {feeling}.",
                    f"{person.name} was {feeling} because {person.he} {cause}.",
                    f"{person.name} {cause}. {person.He} felt {feeling}.",
                    f"Why was {person.name} {feeling}? Because {person.he} {cause}.",
                    f"{person.name} {shows} because {person.he} {cause}.",
                    f'"I {cause}," said {person.name}. "{"How nice!" if good else "I am sorry to hear that."}"'
                    if not cause.startswith("was")
                    else f"{person.name} {cause} and felt {feeling}.",
                    f"How did {person.name} feel? {person.He} {cause}, so {person.he} felt {feeling}.",
                )
            )
        )
    return " ".join(lines)
