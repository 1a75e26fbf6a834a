"""Descriptions of animals, things, jobs, people and places, from what the lexicon says of them.

Knows: how to turn attributes into sentences. Does not know: more about the world than the lexicon.
"""

from __future__ import annotations

from studio.world.documents.questions import write_pairs
from studio.world.language.grammar import capitalize, ing, plural, third_person, with_article
from studio.world.language.voice import Voice


def write_animal(voice: Voice) -> str:
    """What an animal is, where it lives, what it eats and can do; sometimes with questions."""
    animal = voice.animal_entry()
    one, many = with_article(animal.word), plural(animal.word)
    sentences = [
        f"{capitalize(one)} is {with_article(animal.kind)}.",
        f"{capitalize(many)} are {animal.size} animals.",
        f"{capitalize(one)} lives {animal.home}.",
        f"{capitalize(many)} eat {animal.food}.",
        f"{capitalize(one)} can {animal.skill} very well.",
    ]
    if animal.sound:
        sentences.append(f"{capitalize(many)} {animal.sound}.")
    if animal.kind == "bird":
        sentences.append(f"{capitalize(many)} have two legs, two wings and feathers, and they lay eggs.")
    if animal.kind == "insect":
        sentences.append(f"{capitalize(one)} has six legs.")
    if animal.kind == "fish":
        sentences.append(f"{capitalize(many)} have fins and breathe under water.")
    text = " ".join(voice.sample(sentences, voice.between(2, len(sentences))))
    if voice.chance(0.6):
        return text
    other = voice.choose([kind for kind in ("bird", "fish", "insect", "mammal", "reptile") if kind != animal.kind])
    pairs = [
        (f"Where does {one} live?", animal.home),
        (f"What does {one} eat?", animal.food),
        (f"What kind of animal is {one}?", with_article(animal.kind)),
        (f"Is {one} {with_article(animal.kind)}?", "yes"),
        (f"Is {one} {with_article(other)}?", "no"),
        (f"Can {one} {animal.skill}?", "yes"),
    ]
    return f"{text}\n{write_pairs(voice, voice.sample(pairs, voice.between(1, 3)))}"


def write_thing(voice: Voice) -> str:
    """What a thing is, what it is made of and what people use it for."""
    thing = voice.thing_entry()
    if thing.word == "scissors":
        return "Scissors are a tool. They are made of metal. People use them to cut paper."
    one, made = with_article(thing.word), f"It is made of {thing.material}."
    person = voice.person()
    kind = f"It is {with_article(thing.kind)}."
    return voice.choose(
        (
            f"{capitalize(one)} is used to {thing.use}. {made}",
            f"{capitalize(one)} is {with_article(thing.kind)}. {made} People use it to {thing.use}.",
            f"I am made of {thing.material}. People use me to {thing.use}. What am I? {capitalize(one)}.",
            f"What is {one} used for? To {thing.use}.",
            f"What do you need to {thing.use}? You need {one}.",
            f"{person.name} wants to {thing.use}. What does {person.he} need? {capitalize(one)}. {kind}",
            f"{kind} {made} You can use it to {thing.use}. It is {one}.",
            f"This is {one}. With it you can {thing.use}. Most {plural(thing.word)} are made of {thing.material}.",
        )
    )


def write_job(voice: Voice) -> str:
    """What people of some jobs do and where."""
    lines = []
    for _ in range(voice.between(1, 4)):
        job, person = voice.job_entry(), voice.person()
        one = with_article(job.word)
        lines.append(
            voice.choose(
                (
                    f"{capitalize(one)} is a person who {job.does}.",
                    f"{person.name} is {one}. {person.He} {job.does}.",
                    f"Who {job.does}? {capitalize(one)}.",
                    f"{person.name} {job.does}. So {person.he} is {one}.",
                    f"When I grow up, I want to be {one}.",
                    f"{capitalize(one)} works {job.where}.",
                    f"{person.name} works {job.where}. {person.He} is {one}.",
                    f"My {voice.kin().word} is {one} and {job.does} every day.",
                )
            )
        )
    return " ".join(lines)


def write_person(voice: Voice) -> str:
    """A person: age, looks, likes, family."""
    person, lexicon = voice.person(), voice.lexicon
    job = voice.job_entry()
    hair = voice.choose(("long", "short", "black", "brown", "curly", "red", "gray", "blond"))
    hobby = ing(
        voice.choose(("read", "swim", "sing", "cook", "dance", "paint", "run", "fish", "ride horses", "play chess"))
    )
    country = voice.choose(lexicon.countries)
    sentences = [
        f"{person.He} has {hair} hair.",
        f"{person.He} likes {hobby}.",
        f"{person.His} favorite color is {voice.color()}.",
        f"{person.He} lives in {country.capital}.",
        f"{person.He} comes from {country.word} and speaks {voice.choose(lexicon.kinds['language'])}.",
        f"{person.He} has {voice.number(2, 5)} {plural(voice.animal())}.",
        f"{person.He} works as {with_article(job.word)} {job.where}.",
        f"{person.He} is {voice.feeling(voice.chance())} today.",
        f"{person.He} does not like {plural(voice.countable_food())}.",
        f"{person.His} best friend is {voice.name()}.",
        f"{person.His} last name is {voice.choose(lexicon.surnames)}.",
        f"{person.He} was born in {voice.choose(lexicon.months)}.",
        f"{person.He} always wears {with_article(voice.color())} "
        f"{voice.choose(('hat', 'scarf', 'coat', 'shirt', 'cap'))}.",
    ]
    chosen = " ".join(voice.sample(sentences, voice.between(2, 6)))
    return f"{person.name} is {voice.between(5, 80)} years old. {chosen}"


def write_place(voice: Voice) -> str:
    """A place and what there is to see, hear and do."""
    place, person = voice.place_entry(), voice.person()
    things = [voice.thing() for _ in range(3)]
    mood = voice.choose(("good", "bad"))
    sentences = [
        f"{capitalize(place.where)} there is {with_article(things[0])} and {with_article(things[1])}.",
        f"You can see {with_article(voice.color())} {things[2]} near the door."
        if voice.chance()
        else f"Many people visit the {place.word} {voice.choose(voice.lexicon.times['present'])}.",
        f"{person.name} goes there {voice.choose(voice.lexicon.times['present'])}.",
        f"It is {with_article(voice.adjective('place', mood))} place.",
        f"Next to the {place.word} there is {with_article(voice.place())}.",
        f"A {voice.choose(('small', 'big', 'young', 'wild'))} {voice.animal()} lives there.",
    ]
    return f"This is the {place.word}. " + " ".join(voice.sample(sentences, voice.between(2, 4)))


def write_riddle(voice: Voice) -> str:
    """A riddle about an animal, with its answer."""
    animal = voice.animal_entry()
    clues = [
        f"I live {animal.home}.",
        f"I eat {animal.food}.",
        f"I am {with_article(animal.kind)}.",
        f"I can {animal.skill}.",
    ]
    if animal.sound and animal.sound != "talk":
        clues.append(f"I {animal.sound}. My friend {third_person(animal.sound)} too.")
    return f"{' '.join(voice.sample(clues, voice.between(2, 4)))} What am I? I am {with_article(animal.word)}."
