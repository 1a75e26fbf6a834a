"""Who does what: everyday deeds that make sense, as clauses that can be put into any tense.

Knows two tables of verbs with what may follow them: everyday ones, and those reserved for the tests of unseen words. A
word in square brackets is a kind; a noun of that kind from the little world stands there. `+` at the end lets a place
or a time follow. Does not know which task asks for what.
"""

import re
from functools import cache
from random import Random

from studio.tasks.samples.noun import list_nouns
from studio.world.grammar import Clause, article, past
from studio.world.lexicon import load_lexicon

_EVERYDAY = """
eat: a [fruit]+ | the [meal]+ | a [pastry]+ | too much cake
drink: a glass of milk+ | some water+ | a cup of tea+ | the juice
bake: a cake+ | some bread | a pie for [kin]
cook: the soup+ | some rice+ | a [vegetable] | dinner for [name]
cut: the [fruit]+ | the [vegetable] | the bread+
buy: a [clothing]+ | a [toy] for [name] | a [fruit]+ | some bread+ | a new [machine]
sell: the old [vehicle]+ | a [clothing]+ | the [furniture] | a [instrument] to [name]
bring: a [fruit]+ | some cake to [name] | the [tableware] | a [toy] to school
make: a [meal]+ | some tea+ | a [toy] for [name] | a big mistake
take: the [container]+ | a photo of the [animal] | the bus to the [goal] | a [fruit]
give: a [toy] to [name] | some water to the [animal] | a [reading] to [kin] | a [fruit] to the [job]
send: a letter to [name] | a postcard to [kin] | the [container] to the [job]
lend: the [vehicle] to [name] | a [tool] to the [job] | a [reading] to [kin]
show: the [reading] to [name] | the [place] to [kin] | the [toy] to the [job]
tell: a story to [name] | a joke+ | the secret to [kin]
write: a letter to [name] | a poem+ | a long story+ | a [reading]
read: a [reading]+ | a story to [name] | the map+ | a poem+
draw: a [animal]+ | a [vehicle]+ | the [place] | a [fruit]
paint: the [furniture] | a picture of [name] | the [vehicle]+ | the old door
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
wear: a [clothing]+ | a blue [clothing] | an old [clothing]+
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
wash: the [tableware]+ | the [animal]+ | a [clothing]+
clean: the [place]+ | the [furniture]+ | the window
open: the [container]+ | the door+ | the window | a letter from [name]
close: the door+ | the window+ | the [container]
carry: the [container]+ | a heavy [furniture] | the [animal] home
pull: the [cart]+ | the rope | the [animal] out of the water
push: the [cart]+ | the [furniture] to the wall | the door
fix: the [machine]+ | the [vehicle]+ | the [tool]
repair: the [machine]+ | the [furniture] | a [vehicle]+
use: the [tool]+ | the [machine]+ | an old map
need: a [tool] | a new [clothing] | some help+
want: a [toy] | a [pastry] | a new [vehicle]
like: the [animal] | the [place] | [fruits] | music
love: [kin] | the [animal] | [fruits] | the sea
help: [name]+ | the [job]+ | the old man+
call: the doctor | [name]+ | the [job]
ask: the [job]+ | [name] a question | for a [fruit]
answer: the question | the phone+ | the letter from [name]
visit: [name]+ | the [place]+ | [kin]+
watch: the [animal]+ | a film+ | the game+ | the stars+
follow: the [animal]+ | [name] to the [place] | the map
chase: the [animal]+ | the thief+ | the ball
touch: the [animal] | the hot [tableware] | the snow
plant: a tree+ | some flowers+ | a [vegetable]+
pick: a [fruit]+ | some flowers+ | the best [fruit]
count: the [animals]+ | the money+ | the stars
collect: stamps | shells+ | old [toys]
pack: the [container] | a [clothing] | some food for the trip
order: a [meal]+ | some tea+ | the soup
taste: the [meal]+ | the soup | a [fruit]
try: the [meal]+ | a new [clothing] | the soup
share: the [pastry] with [name] | the [meal] with [kin]
borrow: a [reading] from [name] | a [tool] from the [job]
return: the [tool] to the [job] | to the [place]+
play: the [instrument]+ | football+ | chess with [name] | with the [animal]+
practice: the [instrument]+ | the dance+
dance: with [name]+ | [where] | all night
walk: to the [place]+ | home with [name] | through the [place]
climb: a tree+ | the hill+ | over the wall
jump: over the [furniture] | into the lake+ | for joy
laugh: about the joke | with [name]+ | very loudly
cry: at night | [where] | about the lost [toy]
wait: for [name]+ | [where] | for the [bus]
work: [where] | with [name]+ | all day
travel: to Rome with [name] | by train | to the [goal]+
talk: to [name]+ | about the [animal] | with the [job]+
listen: to the [job] | to music+ | to the [instrument]
look: at the [animal]+ | for the [coin]+ | out of the window
smile: at [name]+ | at the baby
stop: at the [place] | the [car] | near the [place]
study: the map+ | with [name]+ | English+
"""

_RESERVED = """
juggle: the tangerines | the dominoes
tickle: the [animal] | [name]
sketch: a [animal] | a cactus | the lagoon
hoist: the crate | the anchor
scrub: the goblet | the crate
peel: a tangerine | the turnip
chew: a bagel | the pretzel
sip: the cider | some cider
swallow: the pretzel | a marshmallow
nibble: the pretzel | an apricot
grill: the zucchini | a turnip
slice: the zucchini | a bagel
stack: the crates | the dominoes
drag: the crate | the anchor
toss: the pebble | a mitten
photograph: the [animal] | the lagoon
pat: the llama | the badger
groom: the llama
adopt: a llama | a badger
congratulate: [name] | the [job]
comfort: [name] | the [job]
scold: [name] | the [animal]
hire: [name] | the [job]
shove: the crate | the wheelbarrow
wrestle: with [name] | with the [animal]
stretch:
stroll: through the courtyard | along the pier
sprint: through the courtyard | along the pier
gallop: through the quarry | along the pier
limp: through the courtyard | along the pier
hum:
sob:
chuckle:
squint: at [name] | at the [animal]
sneak: through the monastery | into the aquarium
weave: a poncho
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
