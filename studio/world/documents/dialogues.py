"""Two people talking about everyday things.

Knows: everyday questions and fitting answers. Does not know: the chat markers (`chat.py` has them).
"""

from __future__ import annotations

from studio.world.language.grammar import ing, plural, with_article
from studio.world.language.voice import Voice

Turn = tuple[str, str]


def everyday_turns(voice: Voice, other: str) -> list[Turn]:
    """Questions and answers of small talk; `other` is the name of who is asked."""
    lexicon = voice.lexicon
    clause = voice.clause("I")
    food, place, thing = voice.countable_food(), voice.place(), voice.thing()
    hour = lexicon.numbers[voice.between(1, 12)]
    return [
        (f"Hello, {other}! How are you?", f"I am {voice.feeling(True)}, thank you. And you?"),
        (
            "What are you doing?",
            f"I am {ing(voice.choose(('read', 'cook', 'work', 'rest', 'draw', 'clean the kitchen')))}.",
        ),
        (
            f"Do you like {plural(food)}?",
            voice.choose(("Yes, I do.", "No, I do not.", "Yes, very much!", "Only sometimes.")),
        ),
        ("Where are you going?", f"I am going to the {place}."),
        (
            f"Can you help me with the {thing}?",
            voice.choose(("Of course!", "Sorry, I am busy.", "Yes, give me a minute.", "Sure, what is wrong with it?")),
        ),
        (f"What did you do {voice.choose(lexicon.times['past'])}?", clause.past()),
        ("What is your favorite color?", f"My favorite color is {voice.color()}."),
        ("How is the weather?", f"It is {voice.choose(lexicon.weather)} today."),
        ("How old are you?", f"I am {lexicon.numbers[voice.between(5, 20)]} years old."),
        (f"Why are you {voice.feeling(False)}?", f"Because I lost my {thing}."),
        ("What time is it?", f"It is {hour} o'clock."),
        ("What is in the box?", f"There is {with_article(thing)} in the box."),
        (f"Where is my {thing}?", f"It is {voice.where()}."),
        ("What would you like to eat?", f"I would like {voice.a_food()}, please."),
        ("Do you have any pets?", f"Yes, I have {with_article(voice.animal())} called {voice.name()}."),
        ("What is your job?", f"I am {with_article(voice.job())}."),
        ("Who is that over there?", f"That is {voice.name()}, my {voice.kin().word}."),
        (f"How much is the {thing}?", f"It costs {voice.between(2, 99)} dollars."),
        ("When will you come back?", f"I will come back {voice.choose(lexicon.times['future'])}."),
        ("What do you want to be one day?", f"I want to be {with_article(voice.job())}."),
        ("Where were you born?", f"I was born in {voice.choose(lexicon.countries).capital}."),
        ("Did you sleep well?", voice.choose(("Yes, very well.", "No, it was too loud.", "Yes, like a baby."))),
    ]


def write_dialogue(voice: Voice) -> str:
    """A conversation, as a play or with quotation marks."""
    first, second = (person.name for person in voice.people(2))
    play = voice.chance()
    lines: list[str] = []
    for question, answer in voice.sample(everyday_turns(voice, second), voice.between(2, 5)):
        if play:
            lines += [f"{first}: {question}", f"{second}: {answer}"]
        else:
            asked, said = voice.choose(("asked", "said")), voice.choose(("answered", "said", "replied"))
            quoted = answer[:-1] + "," if answer.endswith(".") else answer
            lines.append(f'"{question}" {asked} {first}. "{quoted}" {said} {second}.')
    if play and voice.chance(0.3):
        later = voice.choose(("tomorrow", "soon", "on " + voice.choose(voice.lexicon.days)))
        lines += [f"{first}: Goodbye!", f"{second}: See you {later}!"]
    return "\n".join(lines) if play else " ".join(lines)


def write_shop_talk(voice: Voice) -> str:
    """A customer and a seller."""
    thing, price = voice.thing(), voice.between(2, 90)
    buyer = voice.person()
    colors = voice.sample(voice.lexicon.colors, 2)
    lines = [
        "Good morning! Can I help you?",
        f"Yes, I am looking for {with_article(thing)}.",
        f"We have a {colors[0]} one and a {colors[1]} one." if colors[0] != "orange" != colors[1] else "We have two.",
        f"How much is the {voice.choose(('first', 'second'))} one?",
        f"It costs {price} dollars.",
        voice.choose((f"Good, I will take the {thing}.", "That is too expensive for me.", "I will think about it.")),
        voice.choose(("Thank you and goodbye!", "Have a nice day!", "Come back soon!")),
    ]
    speakers = ("Seller", buyer.name)
    return "\n".join(f"{speakers[index % 2]}: {line}" for index, line in enumerate(lines[: voice.between(5, 7)]))
