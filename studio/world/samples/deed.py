"""Who does what: everyday deeds that make sense, as clauses that can be put into any tense.

Knows two tables of verbs with what may follow them: those of the tasks, and those kept apart for the tests of unseen
words, which the base has read about and the tasks never show. A word in square brackets is a kind; a noun of that kind
from the little world stands there. `+` at the end lets a place or a time follow. Does not know which task asks for
what.
"""

import re
from functools import cache
from random import Random

from studio.world.language.grammar import Clause, article, past
from studio.world.language.lexicon import load_lexicon
from studio.world.samples.noun import list_nouns

_EVERYDAY = """
eat: a [fruit]+ | the [meal]+ | a [pastry]+ | too much cake
drink: a glass of milk+ | some water+ | a cup of tea+ | the juice
bake: a cake+ | some bread | a pie for [kin]
cook: the soup+ | some rice+ | a [vegetable] | dinner for [name]
cut: the [fruit]+ | the [vegetable] | the bread+
buy: a [clothing]+ | a [toy] for [name] | a [fruit]+ | some bread+ | a new [machine]
sell: the old [vehicle]+ | a [clothing]+ | the [furniture] | a [instrument] to [name]
make: a [meal]+ | some tea+ | a [toy] for [name] | a big mistake
take: the [container]+ | a photo of the [animal] | the bus to the [goal] | a [fruit]
give: a [toy] to [name] | some water to the [animal] | a [reading] to [kin] | a [fruit] to the [job]
send: a letter to [name] | a postcard to [kin] | the [container] to the [job]
lend: the [vehicle] to [name] | a [tool] to the [job] | a [reading] to [kin]
show: the [reading] to [name] | the [place] to [kin] | the [toy] to the [job]
tell: a story to [name] | a joke+ | the secret to [kin]
write: a letter to [name] | a poem+ | a long story+ | a [reading]
read: a [reading]+ | a story to [name] | the map+ | a poem+
find: a [coin]+ | the [clothing]+ | a [animal]+ | the lost [container]
lose: the [coin]+ | a [clothing]+ | the game+ | the [container]+
see: a [animal]+ | the [job]+ | a [vehicle]+ | [name]+
meet: [name]+ | the [job]+ | an old friend+
hear: the [animal]+ | a strange noise+ | the [instrument]
know: the answer | the [job] | a good song | the way to the [place]
feed: the [animal]+ | the baby+ | the birds+
catch: a fish+ | the ball+ | the thief+ | the last bus
hold: the [container] | the baby | the [animal] | a [tool]
keep: the [coin] | the [reading] | the secret | the [animal]
break: the [tableware]+ | a [toy]+ | the window
hide: the [coin]+ | a [pastry]+ | the [reading]+
build: a [furniture]+ | a house near the [place] | a boat | a small bridge
throw: the ball+ | a stone into the lake | the [clothing] to [name]
ride: a horse+ | the [bike]+ | the pony to the [goal]
drive: the [car] to the [goal] | to the [goal]+ | the old [car]
fly: a kite+ | to Paris | over the [goal]
go: to the [place] | to the [place] with [name] | home by bus | to bed early
come: to the [place] | home late | to the party with [name]
run: to the [place] | home in the rain | around the [place]
swim: in the lake+ | in the sea+ | across the river
sing: a song+ | [where] | for [name]
ring: the bell+
win: the game+ | a prize+ | the race
teach: [name] a song | the children+ | a new game to [kin]
think: about [name] | of the holiday
sleep: in the [bed]+ | for ten hours | under a tree+
sit: on the [seat]+ | next to [name]+ | under a tree
stand: [where] | next to [name] | behind the [furniture]
speak: to the [job]+ | to [name]+ | very quietly
leave: the [place]+ | the [container] at home | without [name]
forget: the [coin]+ | the name of the [job] | the answer
wake: the baby | [kin]+ | up early
close: the door+ | the window+ | the [container]
pull: the [cart]+ | the rope | the [animal] out of the water
repair: the [machine]+ | the [furniture] | a [vehicle]+
use: the [tool]+ | the [machine]+ | an old map
need: a [tool] | a new [clothing] | some water+
love: [kin] | the [animal] | [fruits] | the sea
ask: the [job]+ | [name] a question | for a [fruit]
answer: the question | the phone+ | the letter from [name]
watch: the [animal]+ | a film+ | the game+ | the stars+
plant: a tree+ | some flowers+ | a [vegetable]+
collect: stamps | shells+ | old [toys]
pack: the [container] | a [clothing] | some food for the trip
order: a [meal]+ | some tea+ | the soup
taste: the [meal]+ | the soup | a [fruit]
try: the [meal]+ | a new [clothing] | the soup
return: the [tool] to the [job] | to the [place]+
play: the [instrument]+ | football+ | chess with [name] | with the [animal]+
practice: the [instrument]+ | the dance+
dance: with [name]+ | [where] | all night
climb: a tree+ | the hill+ | over the wall
laugh: about the joke | with [name]+ | very loudly
cry: at night | [where] | about the lost [toy]
work: [where] | with [name]+ | all day
travel: to Rome with [name] | by train | to the [goal]+
look: at the [animal]+ | for the [coin]+ | out of the window
smile: at [name]+ | at the baby
stop: at the [place] | the [car] | near the [place]
study: the map+ | with [name]+ | English+
"""

_RESERVED = """
paint: the crate
push: the crate | the wheelbarrow
carry: the crate | the anchor
touch: the [animal] | the goblet
follow: the [animal] | [name]
visit: [name] | the lagoon | the [job]
open: the crate
count: the pebbles | the dominoes | the tangerines
share: the pretzel with [name] | a bagel with [name]
wait: for [name] | near the lagoon | for the [job]
help: [name] | the [job]
call: [name] | the [job]
clean: the goblet | the crate | the aquarium
fix: the wheelbarrow
want: a tangerine | a poncho
like: the [animal] | the lagoon
chase: the [animal] | [name]
wash: the goblet | the [animal]
pick: a tangerine | the zucchini
wear: a poncho | the mitten
draw: the [animal] | a cactus
bring: a tangerine to [name] | the crate
walk: to the lagoon | along the pier | through the courtyard
jump: over the crate | into the lagoon
talk: to [name] | to the [job]
listen: to the [job] | to [name]
borrow: the wheelbarrow from [name] | a poncho from the [job]
"""


@cache
def _read_table(unseen: bool) -> tuple[tuple[str, str], ...]:
    """Every verb with everything that may follow it."""
    lines = (_RESERVED if unseen else _EVERYDAY).strip().splitlines()
    return tuple(
        (verb, rest.strip()) for line in lines for verb, _, rests in [line.partition(":")] for rest in rests.split("|")
    )


@cache
def _verbs(unseen: bool) -> tuple[str, ...]:
    return tuple(dict.fromkeys(verb for verb, _ in _read_table(unseen)))


_MORE = ("in the morning", "in the evening", "after lunch", "before dinner", "at school", "at home", "in the garden")


def draw_clause(rng: Random, unseen: bool) -> Clause:
    """Return a clause; every verb is as likely as any other."""
    verb = rng.choice(_verbs(unseen))
    chosen = rng.choice([rest for other, rest in _read_table(unseen) if other == verb])
    rest = fill(rng, chosen.removesuffix("+"), unseen)
    if chosen.endswith("+") and rng.random() < 0.25:
        rest += f" {rng.choice(_MORE)}"
    subject, many = draw_subject(rng, unseen)
    while many and past(verb) == verb:  # "We cut it": now or then?
        subject, many = draw_subject(rng, unseen)
    return Clause(subject, verb, rest, many)


def draw_subject(rng: Random, unseen: bool) -> tuple[str, bool]:
    """Return somebody as they stand inside a sentence, and whether they are many."""
    lexicon = load_lexicon()
    roll = rng.random()
    if roll < 0.5 or (unseen and roll < 0.7):
        return rng.choice(list_nouns("name", unseen)), False
    if roll < 0.7 or unseen:
        return f"the {rng.choice(list_nouns('job', unseen))}", False
    if roll < 0.85:
        return f"my {rng.choice(lexicon.kin).word}", False
    return rng.choice((("he", False), ("she", False), ("they", True), ("we", True)))


def fill(rng: Random, text: str, unseen: bool) -> str:
    """Put a noun into each pair of brackets, and the right one of a and an before it."""

    def choose(match: re.Match[str]) -> str:
        noun = rng.choice(list_nouns(match["kind"], unseen))
        return f"{article(noun)} {noun}" if match["article"] else noun

    return re.sub(r"(?P<article>\ba )?\[(?P<kind>[a-z_]+)\]", choose, text)
