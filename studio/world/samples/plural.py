"""One becomes many: the plural of a noun, regular and irregular. About one noun in six is kept for the unseen ones."""

from studio.tasks.task import Example
from studio.world.language.grammar import plural
from studio.world.language.lexicon import load_lexicon, read_rows
from studio.world.samples.sample import Draw, Sample, is_kept_apart

_LEFT_OUT = {"scissors", "match", "date", "fish", "people", "police", "chalk stick", "person", "mop"}
_ALSO_RIGHT_TABLE = """
cactus: cactuses
domino: dominos
volcano: volcanoes
mango: mangos
zucchini: zucchini
mosquito: mosquitos
fish: fishes
octopus: octopi
scarf: scarfs
wharf: wharfs
roof: rooves
hoof: hoofs
dwarf: dwarfs
flamingo: flamingoes
buffalo: buffaloes
tuna: tunas
trout: trouts
"""
_ALSO_RIGHT = {
    word: tuple(others.split()) for word, others in (line.split(":") for line in _ALSO_RIGHT_TABLE.strip().splitlines())
}


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A noun and its plural."""
    noun = draw.rng.choice(_list_nouns(draw.unseen))
    return noun, (plural(noun), *_ALSO_RIGHT.get(noun, ()))


def _list_nouns(unseen: bool) -> tuple[str, ...]:
    """The nouns of the world, with the irregular ones that are no thing, place, animal or job."""
    lexicon = load_lexicon()
    irregular = tuple(row[0] for row in read_rows("irregular_plurals") if row[0] not in lexicon.unseen.nouns)
    nouns = dict.fromkeys(noun for noun in lexicon.nouns + irregular if noun not in _LEFT_OUT)
    apart = {noun for noun in nouns if any(is_kept_apart(part, one_in=6) for part in noun.split())}
    return tuple(noun for noun in nouns if (noun in apart) == unseen and (noun.isalpha() or not unseen))


SAMPLE = Sample(
    number=5,
    name="plural",
    title="One and many",
    definition="You are given a noun. Write its plural, the word for more than one.",
    things_to_avoid="Do not write a number or an article before the word.",
    categories=("Word Semantics",),
    domains=("Linguistics",),
    positive=(
        Example(input="tomato", output="tomatoes", explanation="Words that end in o often take es."),
        Example(input="wolf", output="wolves", explanation="The f of wolf becomes ves."),
    ),
    negative=(
        Example(input="mouse", output="mouses", explanation="Mouse is irregular: its plural is mice."),
        Example(input="lamp", output="two lamps", explanation="There must be no number: the plural is lamps."),
    ),
    draw=draw,
    count=480,
)  # fmt: skip
