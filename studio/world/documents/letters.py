"""Letters, diaries, weather reports, recipes, notes and news.

Knows: the shape of each of these everyday texts. Does not know: real events.
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize, ing, list_words, plural, with_article
from studio.world.language.voice import Voice


def write_letter(voice: Voice) -> str:
    """A letter to a friend or somebody of the family."""
    sender, receiver = (person.name for person in voice.people(2))
    body = " ".join(
        voice.choose((clause.past, clause.past, clause.future, clause.negative_past))()
        for clause in (voice.clause(voice.choose(("I", "we"))) for _ in range(voice.between(2, 4)))
    )
    start = voice.choose(
        (
            "How are you?",
            "Thank you for your letter.",
            "I miss you.",
            "I have good news!",
            f"I am writing from {voice.choose(voice.lexicon.countries).capital}.",
            f"I am sitting {voice.where()} and thinking of you.",
        )
    )
    end = voice.choose(("Love", "Best wishes", "Yours", "See you soon", "Many greetings"))
    greeting = voice.choose(
        (receiver, voice.choose(("Mom", "Dad", "Grandma", "Grandpa", "friend", "neighbor", "teacher")))
    )
    return (
        f"Dear {greeting},\n{start} {body} The weather is {voice.choose(voice.lexicon.weather)}. "
        f"I feel {voice.feeling(voice.chance(0.7))}.\n{end},\n{sender}"
    )


def write_diary(voice: Voice) -> str:
    """A page of a diary."""
    date = f"{voice.choose(voice.lexicon.days)}, {voice.choose(voice.lexicon.months)} {voice.between(1, 28)}."
    clauses = (voice.clause("I") for _ in range(voice.between(2, 5)))
    body = " ".join(voice.choose((clause.past, clause.past, clause.negative_past))() for clause in clauses)
    good = voice.chance(0.6)
    day = f"It was {with_article(voice.adjective('day', 'good' if good else 'bad'))} day. I felt {voice.feeling(good)}."
    return f"{date} {body} {day}"


def write_weather(voice: Voice) -> str:
    """A weather report."""
    city = voice.choose(voice.lexicon.countries).capital
    first, second, third = voice.sample(voice.lexicon.weather, 3)
    end = voice.choose(
        (
            f"Take {with_article(voice.choose(('umbrella', 'coat', 'hat', 'scarf')))}.",
            f"The night will be {third}.",
            f"Tomorrow will be {third} too.",
            f"It is {voice.between(-5, 35)} degrees now.",
            f"On {voice.choose(voice.lexicon.days)} it will be {third} again.",
        )
    )
    return f"Weather in {city}: The morning will be {first}. In the afternoon it will be {second}. {end}"


def write_recipe(voice: Voice) -> str:
    """How to make a dish, in steps."""
    food = voice.choose(
        [food for food in voice.lexicon.foods if food.kind in ("dish", "baked food") or food.word == "jam"]
    )
    dish = food.word
    plants = [food for food in voice.lexicon.foods if food.kind in ("fruit", "vegetable")]
    one, two = (plural(plant.word) if plant.countable else plant.word for plant in voice.sample(plants, 2))
    three, four = voice.sample(("salt", "sugar", "flour", "butter", "oil", "milk", "cheese", "cream", "cinnamon"), 2)
    steps = [
        f"Wash the {one}.",
        f"Cut the {one} into small pieces.",
        f"Mix the {two} and the {three}.",
        f"Put everything in a {voice.choose(('pot', 'bowl', 'pan'))}.",
        f"Add the {four} and stir slowly.",
        f"Cook it for {voice.choose((5, 10, 15, 20, 30))} minutes.",
        "Let it cool a little.",
        f"Put it on a {voice.choose(('plate', 'big dish', 'tray'))}.",
    ][: voice.between(4, 8)]
    body = "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1)) if voice.chance() else " ".join(steps)
    wish = voice.choose(("Enjoy your", "Now eat the", "Serve the"))
    end = f"{wish} {dish}{voice.choose(('.', ' hot.', ' with friends.'))}"
    break_ = "\n" if body.startswith("1.") else " "
    named = with_article(dish) if food.countable else dish
    return f"How to make {named}. You need {list_words([one, two, three, four])}.{break_}{body}{break_}{end}"


def write_note(voice: Voice) -> str:
    """A short note that asks somebody to do something."""
    sender, receiver = (person.name for person in voice.people(2))
    commands = []
    for _ in range(voice.between(1, 3)):
        clause = voice.clause("you")
        commands.append(voice.choose((f"Please {clause.verb} {clause.rest}".rstrip() + ".", clause.command())))
    end = voice.choose(("Thank you!", "I will be back soon.", "It is important.", ""))
    return f"{receiver},\n{' '.join(commands)} {end}".rstrip() + f"\n{sender}"


def write_news(voice: Voice) -> str:
    """A small piece of news."""
    city, person = voice.choose(voice.lexicon.countries).capital, voice.person()
    surname, job = voice.choose(voice.lexicon.surnames), voice.job()
    verb, rest = voice.deed()
    people = f"{voice.between(2, 90)} people"
    first = voice.clause(f"{person.name} {surname}").past()
    return voice.choose(
        (
            f"News from {city}. {first} {capitalize(people)} saw it. "
            f'"I have never seen anything like it," said {with_article(job)}.',
            f"{city}. On {voice.choose(voice.lexicon.days)}, the {job} {person.name} {surname} was seen {ing(verb)} "
            f"{rest}".rstrip()
            + f". {capitalize(people)} were there.",
            f"{capitalize(people)} came to the {voice.place()} in {city} to hear {person.name} {surname}, a famous "
            f"{voice.choose(('singer', 'writer', 'scientist', 'dancer'))}. {person.He} spoke about "
            f"{plural(voice.thing())}.",
        )
    )
