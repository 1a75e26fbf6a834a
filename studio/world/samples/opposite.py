"""The opposite of a word, alone or in a short phrase: one word changes, the rest is kept.

Knows pairs with things they can be said of. Every pair stands in the world's list of opposites, so the base has read
it. The reserved pairs, with their own things, are never shown by the task.
"""

from dataclasses import dataclass
from functools import cache

from studio.tasks.task import Example
from studio.world.language.grammar import capitalize, with_article
from studio.world.samples.sample import Draw, Sample

_ADJECTIVES = """
big small: house dog box tree ball garden
hot cold: soup tea bath day
fast slow: car train horse bus
old new: book phone bike school chair
tall short: boy girl man woman
long short: story rope letter road river
happy sad: child clown song girl
heavy light: bag suitcase stone box
hard soft: bed pillow chair
wet dry: towel coat street dog
clean dirty: shirt plate window car
rich poor: man farmer king
strong weak: horse man woman
full empty =: glass bottle bus basket
loud quiet: song street voice boy
easy difficult: question test game puzzle
cheap expensive: hotel ticket ring car
early late: train bus breakfast
thick thin: book blanket soup rope
wide narrow: river road bed bridge
deep shallow: lake river pool
high low: wall shelf mountain
dark bright: room sky street
open closed =: door window shop
safe dangerous: road bridge city
sharp blunt: knife pencil
smooth rough: stone skin road
brave cowardly: knight lion
kind cruel: king queen witch
polite rude: waiter boy girl
clever stupid: question dog fox
good bad: teacher idea film day
beautiful ugly: dress picture castle
famous unknown =: singer poet
first last -: page day student
left right -: hand foot shoe
public private =: beach party
straight crooked =: line road
wild tame =: horse bird
tidy messy: room desk
useful useless =: tool map
true false =: story sentence
patient impatient: nurse teacher
correct incorrect =: sentence number
warm cool: evening wind
lazy hardworking: student worker
honest dishonest: man lawyer
calm nervous: singer pilot
"""
_VERBS = """
open close: door window box
push pull: cart door
start stop: car engine game
buy sell: house bike car
win lose: game race
find hide: key coin
remember forget: name song
love hate: music snow
enter leave: house room
build destroy: wall bridge
lift drop: stone box
fill empty: glass bucket
lock unlock: door box
tie untie: shoe rope
pack unpack: bag suitcase
break repair: chair clock
borrow lend: book pen
send receive: letter postcard
"""
_RESERVED_ADJECTIVES = """
fresh stale: croissant waffle
healthy sick: lamb pony
generous greedy: prince banker
tight loose: belt bandage
careful careless: surgeon plumber
modern ancient =: temple palace
ripe unripe =: mango melon
lucky unlucky: sailor hunter
fair unfair: judge referee
visible invisible =: planet ghost
guilty innocent =: soldier spy
cheerful gloomy: melody poem
wise foolish: wizard monk
proud humble: prince captain
solid liquid =: metal wax
natural artificial =: flower pearl
painful painless: operation cut
simple complicated: recipe machine
possible impossible =: trick escape
"""
_RESERVED_VERBS = """
catch throw: marble coconut
accept refuse: gift prize
add remove: sugar pepper
attack defend: village island
follow lead: elephant donkey
praise blame: painter gardener
save spend: money
"""
_ALSO_RIGHT_TABLE = """
old: young
hard: easy difficult
easy: hard
happy: unhappy
big: little tiny
small: large huge
loud: silent
quiet: noisy
light: dark
dark: light
bright: dim
warm: cold
cool: hot
fast: sluggish
slow: quick
clever: foolish
kind: mean unkind
cruel: gentle
clean: messy
tidy: untidy
messy: clean
brave: timid
good: evil
beautiful: plain
ugly: pretty
polite: impolite
rude: kind
wild: calm
thin: fat
weak: powerful
strong: mild
start: end
stop: go
break: fix mend
find: lose
lose: find
hide: show
love: dislike
honest: lying
calm: excited
true: wrong
wise: silly stupid
simple: complex difficult
cheerful: sad
healthy: ill
generous: mean stingy
modern: old
save: waste
accept: reject
proud: modest
careful: reckless
dishonest: truthful
"""
_ALSO_RIGHT = {
    word: tuple(others.split()) for word, others in (line.split(":") for line in _ALSO_RIGHT_TABLE.strip().splitlines())
}
"""Other answers that count as right when the word stands alone."""


@dataclass(frozen=True)
class _Pair:
    """A word, its opposite, what it may be said of, and how: freely, without `very`, before a noun, as a command."""

    one: str
    other: str
    nouns: tuple[str, ...]
    way: str


_PHRASES = {
    "any": ("{a_one_noun}", "The {noun} is {one}.", "The {noun} was very {one}.", "This is {a_one_noun}.", "{one}"),
    "=": ("{a_one_noun}", "The {noun} is {one}.", "The {noun} was {one}.", "This is {a_one_noun}.", "{one}"),
    "-": ("the {one} {noun}", "This is the {one} {noun}.", "It is the {one} {noun}."),
    "command": (
        "{Verb} the {noun}!",
        "Please {one} the {noun}.",
        "We {one} the {noun}.",
        "They {one} the {noun}.",
        "{one}",
    ),
}


@cache
def _list_pairs(unseen: bool) -> tuple[_Pair, ...]:
    """Every pair in both directions."""
    tables = (_RESERVED_ADJECTIVES, _RESERVED_VERBS) if unseen else (_ADJECTIVES, _VERBS)
    pairs = []
    for table, usual in zip(tables, ("any", "command"), strict=True):
        for line in table.strip().splitlines():
            words, nouns = line.split(":")
            one, other, *way = words.split()
            for first, second in ((one, other), (other, one)):
                pairs.append(_Pair(first, second, tuple(nouns.split()), way[0] if way else usual))
    return tuple(pairs)


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A word or a phrase, and the same with the opposite word."""
    rng = draw.rng
    pair = rng.choice(_list_pairs(draw.unseen))
    template, noun = rng.choice(_PHRASES[pair.way]), rng.choice(pair.nouns)
    if template == "{one}" and pair.one == "open":
        template = "We {one} the {noun}." if pair.way == "command" else "The {noun} is {one}."
    others = (pair.other, *_ALSO_RIGHT.get(pair.one, ())) if template == "{one}" else (pair.other,)
    return _write(template, pair.one, noun), tuple(dict.fromkeys(_write(template, other, noun) for other in others))


def _write(template: str, word: str, noun: str) -> str:
    return template.format(one=word, Verb=capitalize(word), noun=noun, a_one_noun=with_article(f"{word} {noun}"))


SAMPLE = Sample(
    number=6,
    name="opposite",
    title="The opposite",
    definition="Say the opposite. Change one word and keep all the others.",
    things_to_avoid="Do not add the word not.",
    categories=("Word Semantics",),
    domains=("Commonsense -> Concepts and Relations",),
    positive=(
        Example(input="The attic is dark.", output="The attic is bright.", explanation="Bright is the opposite of "
                                                                                       "dark."),
        Example(input="Close the drawer!", output="Open the drawer!", explanation="Open is the opposite of close."),
        Example(input="inside", output="outside", explanation="A word that stands alone is answered by one word."),
    ),
    negative=(
        Example(input="The attic was very cold.", output="The attic was not very cold.",
                explanation="There must be no not. Right is: The attic was very hot."),
        Example(input="an old sofa", output="an old bench",
                explanation="A bench is not the opposite of a sofa; old has an opposite. Right is: a new sofa."),
    ),
    draw=draw,
)  # fmt: skip
