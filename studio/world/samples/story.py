"""Two sentences about one person, and a question whose answer stands in them: who, where, when, what, color."""

from studio.tasks.task import Example
from studio.world.language.grammar import past, with_article
from studio.world.language.lexicon import load_lexicon
from studio.world.samples.noun import list_nouns
from studio.world.samples.sample import Draw, Sample, is_kept_apart

_SMALL = ("toy", "clothing", "container", "tool", "tableware")
_KINDS = {
    "buy": (*_SMALL, "furniture", "machine"),
    "sell": (*_SMALL, "furniture", "machine"),
    "choose": (*_SMALL, "furniture", "machine"),
    "see": ("toy", "clothing", "container", "furniture", "vehicle"),
    "find": _SMALL,
    "lose": _SMALL,
    "paint": ("toy", "container", "furniture"),
}
"""What the person of a story does, and with things of which kinds."""

_STORIES = (
    "{name} went to the {place} on {day}. {He} {did} {a_thing} there.",
    "On {day} {name} walked to the {place}. There {he} {did} {a_thing}.",
    "{name} was {where} on {day}. {He} {did} {a_thing}.",
    "It was {day}. {name} was {where} and {did} {a_thing}.",
    "{name} {did} {a_thing} on {day}. {He} was {where}.",
)
_QUESTIONS = {
    "who": ("Who {did} the {thing}?", "Who is the story about?", "Who was {where}?"),
    "where": ("Where was {name}?", "Where did {name} {do} the {thing}?"),
    "when": ("On which day was it?", "When did {name} {do} the {thing}?"),
    "what": ("What did {name} {do}?",),
    "color": ("What color was the {thing}?",),
}


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A story with a question of the group, and the one word that answers it."""
    rng, lexicon = draw.rng, load_lexicon()
    words = lexicon.unseen if draw.unseen else lexicon
    female = rng.random() < 0.5
    name = rng.choice(words.girls if female else words.boys)
    places = [place for place in lexicon.places if place.word in list_nouns("place") and " " not in place.word]
    place = rng.choice([place for place in places if is_kept_apart(place.word) == draw.unseen])
    color, day, verb = rng.choice(lexicon.colors), rng.choice(lexicon.days), rng.choice(tuple(_KINDS))
    things = [thing for thing in list_nouns(rng.choice(_KINDS[verb])) if " " not in thing and thing != "scarf"]
    thing = rng.choice([thing for thing in things if is_kept_apart(thing) == draw.unseen])
    template = f"{rng.choice(_STORIES)} {rng.choice(_QUESTIONS[draw.group])}"
    text = template.format(
        name=name,
        he="she" if female else "he",
        He="She" if female else "He",
        place=place.word,
        where=place.where,
        day=day,
        do=verb,
        did=past(verb),
        thing=thing,
        a_thing=with_article(f"{color} {thing}"),
    )
    answers = {"who": name, "where": place.word, "when": day, "what": thing, "color": color}
    return text, (answers[draw.group],)


SAMPLE = Sample(
    number=4,
    name="story",
    title="Who, where, when?",
    definition="Read the story and answer the question with one word of the story.",
    things_to_avoid="Do not answer with a sentence, and do not use a word that isn't in the story.",
    categories=("Question Answering",),
    domains=("Story",),
    positive=(
        Example(input="On Monday Paul walked to the harbor. There he saw a green boat. Where was "
                      "Paul?", output="harbor",
                explanation="The story says that he walked to the harbor."),
        Example(input="Rosa was in the park on Friday. She lost a red scarf. What color was the scarf?", output="red",
                explanation="The story says a red scarf."),
    ),
    negative=(
        Example(input="Emma bought a blue kite on Sunday. She was in the shop. What did Emma buy?",
                output="She bought a kite.",
                explanation="That is a sentence. The answer is one word: kite."),
        Example(input="Max went to the lake on Tuesday. He found a white stone there. When did Max find the stone?",
                output="summer", explanation="The story says nothing of summer. The answer is Tuesday."),
    ),
    draw=draw,
    groups=("who", "where", "when", "what", "color"),
)  # fmt: skip
