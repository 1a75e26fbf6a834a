"""The nouns that the sample tasks use, by kind, from the little world's lexicon.

Knows which of the world's nouns fit an everyday sentence. With `unseen`, the same kinds hold only the reserved words.
"""

from functools import cache

from studio.world.language.grammar import plural
from studio.world.language.lexicon import Words, load_lexicon

_THING_KINDS = {
    "toy": "toy",
    "instrument": "instrument",
    "tool": "tool",
    "tableware": "kitchen thing",
    "container": "container",
    "furniture": "piece of furniture",
    "machine": "machine",
    "vehicle": "vehicle",
    "clothing": "piece of clothing",
    "reading": "thing to read",
}
_FOOD_KINDS = {"fruit": "fruit", "vegetable": "vegetable", "meal": "dish", "pastry": "baked food"}
_CHOSEN = {
    "coin": "coin key ring umbrella wallet ticket pen watch camera scarf",
    "car": "car taxi bus truck van",
    "bus": "bus train tram taxi",
    "bike": "bike motorbike scooter",
    "cart": "cart sled",
    "seat": "chair sofa bench stool armchair",
    "bed": "bed sofa armchair",
}
_LEFT_OUT = frozenset(
    word.strip()
    for word in """
    barrel, bat, bathroom, bay, bedroom, block, boss, calendar, camp, canteen, canyon, chalk stick, chest,
    coast, corner, court, cupboard, date, dictionary, dining room, dock, drawer, elevator, fried egg, gate,
    graveyard, hallway, living room, loaf, match, menu, mill, mine, mole, moose, mop, nail, nanny, parents, parking
    lot, path, poster, potter, principal, road, roast chicken, rocket, roll, roof, salon, scissors, screw,
    seal, ship, sign, spinning top, stable, staff room, street, suit, summer house, swamp, swing, tent, thief,
    tie, tower, trash can, tree house, waiting room, wardrobe, washing machine, weaver, whale
    """.split(",")
)

_INDOORS = {
    "kitchen",
    "attic",
    "basement",
    "classroom",
    "balcony",
    "cellar",
    "studio",
    "garage",
    "apartment",
    "tent",
    "cave",
}
"""Places that nobody drives to: a `goal` is none of these."""


@cache
def list_nouns(kind: str, unseen: bool = False) -> tuple[str, ...]:
    """Return the nouns of a kind: name, job, kin, animal, place, goal, where, thing, fruit, ...; `fruits` for many."""
    if kind in _CHOSEN:
        return tuple(_CHOSEN[kind].split())
    lexicon = load_lexicon()
    found = _find(kind, lexicon.unseen if unseen else lexicon)
    if not found and kind.endswith("s"):
        return tuple(plural(noun) for noun in list_nouns(kind[:-1], unseen))
    if not found:
        raise ValueError(
            f"There is no kind of noun {kind!r}{' among the reserved ones' if unseen else ''}. See noun.py."
        )
    return found


def _find(kind: str, words: Words) -> tuple[str, ...]:
    if kind == "name":
        return words.girls + words.boys
    if kind == "kin":
        return tuple(f"my {kin.word}" for kin in load_lexicon().kin)
    if kind == "where":
        return tuple(place.where for place in words.places if place.word not in _LEFT_OUT)
    if kind == "animal":
        found = [animal.word for animal in words.animals if animal.kind in ("mammal", "bird")]
    elif kind in _FOOD_KINDS:
        found = [food.word for food in words.foods if food.kind == _FOOD_KINDS[kind] and food.countable]
    elif kind in _THING_KINDS:
        found = [thing.word for thing in words.things if thing.kind == _THING_KINDS[kind]]
    else:
        places = [place.word for place in words.places]
        found = {
            "job": [job.word for job in words.jobs],
            "place": places,
            "goal": [place for place in places if place not in _INDOORS],
            "thing": [thing.word for thing in words.things],
        }.get(kind, [])
    return tuple(word for word in found if word not in _LEFT_OUT)
