"""Small texts with questions and answers in prose: who, where, when, what, which color, how many, yes or no.

Knows: how to ask about what it has just told. Does not know: any fixed form of a task; the forms vary on purpose.
"""

from __future__ import annotations

from studio.world.language.grammar import (
    Clause,
    capitalize,
    comparative,
    list_words,
    past,
    plural,
    superlative,
    with_article,
)
from studio.world.language.voice import Voice

Pair = tuple[str, str]
_GOT = (
    "buy",
    "find",
    "see",
    "lose",
    "sell",
    "draw",
    "take",
    "bring",
    "paint",
    "make",
    "carry",
    "hide",
    "choose",
    "want",
)


def write_pairs(voice: Voice, pairs: list[Pair]) -> str:
    """Questions with their answers in one of many forms."""
    form = voice.between(0, 6)
    first, second = (person.name for person in voice.people(2))
    lines = []
    for question, answer in pairs:
        lines.append(
            (
                f'"{question}" asked {first}. "{capitalize(answer)}," said {second}.',
                f"{first} asked: {question} {second} answered: {capitalize(answer)}.",
                f"{question} The answer is: {answer}.",
                f"{question} {capitalize(answer)}.",
                f"- {question}\n- {capitalize(answer)}",
                f"{question}\n{capitalize(answer)}.",
                f"{first}: {question}\n{second}: {capitalize(answer)}.",
            )[form]
        )
    return ("\n" if form in (4, 5, 6) or voice.chance() else " ").join(lines)


def _ask(voice: Voice, text: str, pairs: list[Pair], most: int) -> str:
    """The text followed by some of the questions about it."""
    return f"{text}{voice.choose((' ', chr(10)))}{write_pairs(voice, voice.sample(pairs, voice.between(1, most)))}"


def write_one_person(voice: Voice) -> str:
    """Two or three sentences about one person, then questions about person, place, day, thing and color."""
    person, day = voice.person(), voice.choose(voice.lexicon.days)
    spot, verb = voice.spot(), voice.choose(_GOT)
    thing = voice.thing() if voice.chance(0.6) else voice.countable_food()
    color = voice.color()
    went = voice.choose(("went", "walked", "ran", "drove", "came", "hurried"))
    colored = with_article(f"{color} {thing}")
    text = voice.choose(
        (
            f"{person.name} {went} to the {spot[0]} on {day}. {person.He} {past(verb)} {colored} there.",
            f"On {day} {person.name} {went} to the {spot[0]}. There {person.he} {past(verb)} {colored}.",
            f"{person.name} was {spot[1]} on {day}. {person.He} {past(verb)} {colored}.",
            f"My {voice.kin(person.he).word} {person.name} {went} to the {spot[0]} on {day}. {person.He} {past(verb)} "
            f"{colored}.",
            f"It was {day}. {person.name} was {spot[1]}, and {person.he} {past(verb)} {colored}.",
            f"{person.name} {past(verb)} {colored} on {day}. {person.He} was {spot[1]}.",
        )
    )
    if voice.chance(0.3):
        text += " " + voice.clause(person.he).past()
    pairs = [
        ("Who is the story about?", person.name),
        (f"Where was {person.name}?", voice.choose((spot[1], f"{person.he} was {spot[1]}"))),
        (f"Who {past(verb)} {with_article(thing)}?", person.name),
        (f"What did {person.name} {verb}?", voice.choose((colored, with_article(thing)))),
        (f"What color was the {thing}?", color),
        ("On which day was it?", voice.choose((day, f"on {day}"))),
        (f"When was {person.name} there?", f"on {day}"),
        (f"When did {person.name} {verb} the {thing}?", f"on {day}"),
        (f"Which thing did {person.he} {verb}?", f"the {thing}"),
    ]
    return _ask(voice, text, pairs, 4)


def write_one_event(voice: Voice) -> str:
    """One sentence with who, what, where and when, and questions for each part, also yes and no."""
    person, verb, time = voice.person(), voice.choose(_GOT), voice.time("past")
    where, thing = voice.where(), voice.thing()
    phrase = with_article(f"{voice.adjective('thing')} {thing}" if voice.chance() else thing)
    text = voice.choose(
        (
            f"{person.name} {past(verb)} {phrase} {where} {time}.",
            f"{capitalize(time)}, {person.name} {past(verb)} {phrase} {where}.",
            f"{capitalize(where)}, {person.name} {past(verb)} {phrase} {time}.",
        )
    )
    other = voice.thing()
    pairs = [
        (f"Who {past(verb)} {phrase}?", person.name),
        (f"What did {person.name} {verb}?", phrase),
        (f"Where did {person.name} {verb} {phrase}?", where),
        (f"When did {person.name} {verb} {phrase}?", time),
        (f"Did {person.name} {verb} {phrase}?", voice.choose(("yes", f"yes, {person.he} did"))),
    ]
    if other != thing:
        pairs.append(
            (f"Did {person.name} {verb} {with_article(other)}?", voice.choose(("no", f"no, {person.he} did not")))
        )
    return _ask(voice, text, pairs, 5)


def write_where_is_who(voice: Voice) -> str:
    """Several people go to places and get things; questions about each of them."""
    people = voice.people(voice.between(2, 4))
    places: dict[str, tuple[str, str]] = {}
    things: dict[str, tuple[str, str]] = {}
    sentences = []
    for turn in range(voice.between(2, 6)):
        person = people[turn] if turn < len(people) and voice.chance(0.7) else voice.choose(people)
        if voice.chance(0.6) or person.name not in places:
            spot = voice.spot()
            places[person.name] = spot
            move = voice.choose(("went to", "walked to", "ran to", "moved to", "hurried to", "drove to", "came to"))
            sentences.append(f"{person.name} {move} the {spot[0]}.")
        else:
            verb, thing = voice.choose(("buy", "find", "take", "lose", "sell", "see")), voice.thing()
            things[person.name] = (verb, thing)
            sentences.append(f"{person.name} {past(verb)} {with_article(thing)} there.")
    pairs: list[Pair] = []
    for name, place in places.items():
        pairs.append((voice.choose((f"Where is {name}?", f"Where is {name} now?")), place[1]))
        if list(places.values()).count(place) == 1:
            pairs.append((f"Who is {place[1]}?", name))
    for name, (verb, thing) in things.items():
        pairs.append((f"What did {name} {verb}?", with_article(thing)))
    return _ask(voice, " ".join(sentences), pairs, 3)


def write_two_people(voice: Voice) -> str:
    """Two people, one place and one thing each; every question is about one of them."""
    first, second = voice.people(2)
    facts = []
    for person in (first, second):
        facts.append((person, voice.spot()[1], voice.thing(), voice.choose(("carry", "keep", "hold", "find", "buy"))))
    sentences = [f"{p.name} was {place}. {p.He} {past(verb)} {with_article(thing)}." for p, place, thing, verb in facts]
    pairs: list[Pair] = []
    for person, place, thing, verb in facts:
        pairs += [
            (f"Where was {person.name}?", place),
            (f"What did {person.name} {verb}?", with_article(thing)),
            (f"Who {past(verb)} {with_article(thing)}?", person.name),
            (f"Who was {place}?", person.name),
        ]
    return _ask(voice, " ".join(sentences), pairs, 4)


def write_yes_or_no(voice: Voice) -> str:
    """Statements turned into questions, and answered with yes or no and a whole sentence."""
    lines = []
    for _ in range(voice.between(1, 4)):
        clause, first, second = voice.clause(), voice.name(), voice.name()
        subject = clause.subject
        short = {"I": "you", "you": "I"}.get(subject, subject)
        told = Clause(short, clause.verb, clause.rest, clause.many)
        yes = voice.chance()
        answer = f"Yes. {told.past()}" if yes else f"No. {told.negative_past()}"
        lines.append(
            voice.choose(
                (
                    f"{clause.question_past()} {answer}",
                    f'"{clause.question_past()}" asked {first}. "{answer}" said {second}.'.replace(
                        '." said', '," said'
                    ),
                    f"{clause.past()} {clause.question_past()} Yes.",
                    f"{clause.negative_past()} {clause.question_past()} No.",
                )
            )
        )
    return "\n".join(lines)


def write_compare(voice: Voice) -> str:
    """Three people or animals in an order, and questions about it."""
    adjective, other = voice.choose(
        (("tall", "short"), ("old", "young"), ("fast", "slow"), ("strong", "weak"), ("rich", "poor"), ("big", "small"))
    )
    a, b, c = (person.name for person in voice.people(3))
    more, less, most = comparative(adjective), comparative(other), superlative(adjective)
    pairs = [
        (f"Who is the {most}?", a),
        (f"Who is the {superlative(other)}?", c),
        (f"Is {b} {more} than {c}?", "yes"),
        (f"Is {c} {more} than {a}?", "no"),
        (f"Is {b} {less} than {a}?", "yes"),
    ]
    return _ask(voice, f"{a} is {more} than {b}. {b} is {more} than {c}.", pairs, 3)


def write_how_many(voice: Voice) -> str:
    """A place with a number of things, and questions about the numbers."""
    nouns = list(dict.fromkeys(voice.noun() for _ in range(voice.between(2, 3))))
    counts = [voice.between(1, 9) for _ in nouns]
    phrases = [
        f"{voice.lexicon.numbers[count]} {plural(noun) if count > 1 else noun}"
        for noun, count in zip(nouns, counts, strict=True)
    ]
    place = voice.place_entry()
    text = f"{capitalize(place.where)} there {'are' if counts[0] > 1 else 'is'} {list_words(phrases)}."
    pairs = [
        (f"How many {plural(noun)} are there?", voice.lexicon.numbers[count])
        for noun, count in zip(nouns, counts, strict=True)
    ]
    return _ask(voice, text, pairs, len(pairs))


def write_told_again(voice: Voice) -> str:
    """Somebody tells what they did, somebody else tells it again about them: copying whole phrases."""
    teller, listener = voice.people(2)
    clause = voice.clause("I")
    again = clause.with_subject(voice.choose((teller.name, teller.he)))
    return voice.choose(
        (
            f'{teller.name} said, "{clause.past()}" What did {teller.name} say? {again.past()}',
            f'"{clause.past()[:-1]}," said {teller.name}. "Did you hear that?" asked {listener.name}. "{again.past()}"',
            f"{teller.name} told {listener.name}: {clause.past()} So {listener.name} knows what happened: "
            f"{again.past()}",
            f'What did {teller.name} do? {teller.He} told me, "{clause.past()}"',
        )
    )
