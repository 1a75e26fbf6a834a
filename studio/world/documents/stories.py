"""Stories: somebody, a trouble, somebody who helps (or not), an end.

Knows: the shapes of a small story. Does not know: questions about it (`questions.py` asks them of its own stories).
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize, ing, past, plural, with_article
from studio.world.language.voice import Person, Voice

_TROUBLED = "sad worried upset scared unhappy nervous afraid frightened".split()
_NATURES = "little young kind clever shy brave curious lazy quiet tall old poor rich friendly lonely busy".split()


def _open(voice: Voice, hero: Person) -> str:
    """The first sentence: who the story is about, and perhaps where and when."""
    child = voice.choose(("girl", "woman") if hero.he == "she" else ("boy", "man"))
    nature = voice.choose(_NATURES)
    return voice.choose(
        (
            f"Once upon a time there was {with_article(nature)} {child} named {hero.name}.",
            f"Once there lived {with_article(nature)} {voice.job()} called {hero.name}.",
            f"{hero.name} was {with_article(nature)} {voice.job()}.",
            f"One day, {hero.name} went to the {voice.place()}.",
            f"It was {with_article(voice.choose(voice.lexicon.weather))} "
            f"{voice.choose(('day', 'morning', 'evening'))}, and {hero.name} was {voice.where()}.",
            f"{hero.name} lived in a small {voice.choose(('house', 'village', 'town'))} near the {voice.place()} "
            f"with {hero.his} {voice.kin().word}.",
            f"On {voice.choose(voice.lexicon.days)}, {hero.name} woke up early and looked out of the window.",
            f"This is the story of {hero.name}, {with_article(nature)} {child} from "
            f"{voice.choose(voice.lexicon.countries).word}.",
        )
    )


def _introduce(voice: Voice, hero: Person) -> str:
    """The second sentence: what the hero has, likes or feels."""
    return voice.choose(
        (
            f"{hero.He} had {with_article(voice.color())} {voice.thing()}.",
            f"{hero.He} wanted {voice.a_thing()} very much.",
            f"{hero.He} felt {voice.feeling(voice.chance(0.7))}.",
            f"{hero.He} liked {ing(voice.choose(('run', 'swim', 'sing', 'read', 'dance', 'cook', 'draw', 'fish')))}.",
            f"{hero.He} had a pet {voice.animal()} called {voice.name()}.",
            f"{hero.His} favorite food was {plural(voice.countable_food())}.",
            f"Everybody in the {voice.choose(('village', 'town', 'street'))} knew {hero.him}.",
            f"{hero.He} had never seen {with_article(voice.animal())} before.",
        )
    )


def _trouble(voice: Voice, hero: Person, helper: Person) -> tuple[str, str, str]:
    """What goes wrong, how the helper finds out, and what the helper does."""
    thing, food, animal = voice.thing(), voice.countable_food(), voice.animal()
    name, him, friend = hero.name, hero.him, helper.name
    part = voice.choose(("arm", "leg", "hand", "knee", "foot", "finger"))
    return voice.choose(
        (
            (
                f"{name} lost {hero.his} {thing}",
                f"{friend} found the {thing} {voice.where()}",
                f"gave it back to {him}",
            ),
            (
                f"{with_article(voice.choose(('big', 'angry', 'strange', 'wild')))} {animal} came out of the "
                f"{voice.place()}",
                f"{friend} gave it {voice.a_food()}",
                "led it away",
            ),
            (
                f"it began to rain and {name} had no umbrella",
                f"{friend} came with a big umbrella",
                f"walked home with {him}",
            ),
            (f"{name} broke the {thing} by mistake", f"{friend} helped {him} to fix it", f"told {him} not to worry"),
            (
                f"{name} could not open the {voice.choose(('door', 'box', 'window', 'gate', 'drawer'))}",
                f"{friend} brought a key",
                f"opened it for {him}",
            ),
            (f"{name} fell and hurt {hero.his} {part}", f"{friend} called the doctor", f"stayed with {him}"),
            (f"{name} was lost {voice.where()}", f"{friend} had a map", f"showed {him} the way home"),
            (
                f"there were no {plural(food)} left in the kitchen",
                f"{friend} went to the market",
                f"bought some for {him}",
            ),
            (f"the {animal} of {name} ran away", f"{friend} saw it {voice.where()}", "caught it"),
            (f"a thief stole the {thing} of {name}", f"{friend} ran after the thief", f"brought the {thing} back"),
            (f"the boat of {name} began to sink", f"{friend} threw a rope", f"pulled {him} out of the water"),
            (f"{name} was too tired to walk", f"{friend} stopped the car", f"drove {him} home"),
            (f"{name} forgot all the words of the song", f"{friend} stood up", f"sang it with {him}"),
            (f"nobody came to the party of {name}", f"{friend} knocked at the door", f"brought {him} a gift"),
            (f"a fire started {voice.where()}", f"{friend} saw the smoke", "called the firefighters"),
            (f"{name} could not do the homework", f"{friend} sat down next to {him}", "explained it slowly"),
        )
    )


def _close(voice: Voice, hero: Person, helper: Person) -> str:
    """The last sentence."""
    return voice.choose(
        (
            f"They went home together and ate {plural(voice.countable_food())}.",
            f"From that day on, {hero.name} and {helper.name} were best friends.",
            f"{hero.name} never forgot that day.",
            "And they lived happily ever after.",
            f"That night, {hero.name} slept well.",
            "The end.",
            f'"We can do anything together," said {helper.name}.',
            f"The next morning, {hero.name} gave {helper.name} {voice.a_thing()} as a present.",
        )
    )


def write_story(voice: Voice) -> str:
    """A story with a trouble and, most often, a helper."""
    hero, helper = voice.people(2)
    trouble, help_comes, help_given = _trouble(voice, hero, helper)
    sentences = [_open(voice, hero), _introduce(voice, hero)]
    for _ in range(voice.between(0, 3)):
        clause = voice.clause(hero.he)
        start = voice.choose(("Then ", "After that, ", "Later, ", "In the morning, ", "", ""))
        sentences.append(start + (clause.past() if not start else clause.past()[0].lower() + clause.past()[1:]))
    sentences.append(voice.choose(("But then ", "Suddenly, ", "One day, ", "That afternoon, ")) + trouble + ".")
    sentences.append(f"{hero.name} was {voice.choose(_TROUBLED)}.")
    sentences.append(
        voice.choose(
            (
                f'"What can I do?" {hero.he} said.',
                f'"Please help me!" {hero.he} cried.',
                f"{hero.He} began to cry.",
                f"{hero.He} did not know what to do.",
                f"{hero.He} sat down and thought for a long time.",
            )
        )
    )
    if voice.chance(0.8):
        sentences.append(f"{help_comes} and {help_given}.")
        sentences.append(
            voice.choose(
                (
                    f'"Thank you, {helper.name}!" said {hero.name}.',
                    f"{hero.name} was very {voice.feeling(True)}.",
                    f'"You are a good friend," said {hero.name}.',
                    f"Now {hero.name} was {voice.feeling(True)} again.",
                )
            )
        )
        if voice.chance():
            sentences.append(_close(voice, hero, helper))
    else:
        sentences.append(f"Nobody came to help. In the end {hero.he} went home and felt {voice.choose(_TROUBLED)}.")
    return " ".join(capitalize(sentence) for sentence in sentences)


def write_fable(voice: Voice) -> str:
    """Two animals that talk, and what one of them learns."""
    first, second = voice.sample([animal.word for animal in voice.lexicon.animals], 2)
    food, place = plural(voice.countable_food()), voice.where()
    middle = voice.choose(
        (
            f'"Give me some of your {food}," said the {second}. "No," said the {first}, "they are all mine." '
            f"The next day, the {first} was hungry and had no food. "
            f'"You did not share with me," said the {second}, "but I will share with you." The {first} was ashamed.',
            f'"I am the fastest animal of all," said the {first}. "Then let us race to the {voice.place()}," said the '
            f"{second}. The {first} slept on the way, and the {second} won the race. "
            f'"Slow but steady," said the {second}, and smiled.',
            f'"Why are you so {voice.choose(_TROUBLED)}?" asked the {second}. "I have lost my {voice.thing()}," '
            f"answered the "
            f'{first}. They looked for it all day. "Here it is!" cried the {second}. '
            f"The {first} danced for joy, and the two became friends.",
            f'"I am big and you are small," said the {first}. "What can you do for me?" Then the {first} fell into a '
            f"hole. The {second} brought a rope and pulled. "
            + '"Now I know that small friends can help too," said the '
            f"{first}.",
            f'The {second} said, "There are {food} on the other side of the river." The {first} went there and found '
            f'nothing. "You lied to me," said the {first}. After that nobody believed the {second} any more.',
        )
    )
    start = voice.choose(("Once", "One day", "Long ago", "One morning"))
    return f"{start}, {with_article(first)} met {with_article(second)} {place}. {middle}"


def write_day(voice: Voice) -> str:
    """What one person does in a day, in one tense and in the order of the day."""
    person = voice.person()
    present = voice.chance(0.4)
    times = [
        "In the morning",
        "Before breakfast",
        "At noon",
        "After lunch",
        "In the afternoon",
        "In the evening",
        "At night",
    ]
    start = voice.between(0, 2)
    sentences: list[str] = []
    for time in times[start : start + voice.between(3, 5)]:
        clause = voice.clause(person.he if sentences else person.name)
        sentence = clause.present() if present else clause.past()
        if clause.subject != person.name:
            sentence = sentence[0].lower() + sentence[1:]
        sentences.append(f"{time}, {sentence}")
    if voice.chance(0.5):
        feeling = voice.feeling(voice.chance(0.7))
        sentences.append(f"{person.He} {'feels' if present else 'felt'} {feeling}.")
    return " ".join(sentences)


def write_sentences(voice: Voice) -> str:
    """A few unconnected sentences in mixed forms, for variety of words and tenses."""
    sentences = []
    for _ in range(voice.between(2, 7)):
        clause = voice.clause()
        sentence = voice.choose(
            (
                clause.past,
                clause.past,
                clause.present,
                clause.future,
                clause.progressive,
                clause.past_progressive,
                clause.perfect,
                clause.negative_past,
                clause.negative_present,
                clause.question_past,
                clause.question_present,
                clause.wish,
                clause.going_to,
            )
        )()
        sentences.append(sentence)
    return " ".join(sentences)


def write_because(voice: Voice) -> str:
    """Sentences of two parts: because, when, but, so, while, before."""
    sentences = []
    for _ in range(voice.between(1, 4)):
        person = voice.person()
        first, second = voice.clause(person.name), voice.clause(person.he)
        one, two = first.past()[:-1], second.past()[:-1]
        two = two[0].lower() + two[1:]
        link = voice.choose((", and then ", " before ", " after ", ", but ", ", and ", ", and later "))
        sentences.append(f"{one}{link}{two}.")
        if voice.chance(0.3):
            verb, rest = voice.deed()
            other = voice.person()
            sentences.append(
                f"While {person.he} was {ing(verb)} {rest}".rstrip() + f", {other.name} {past('wait')} outside."
            )
    return " ".join(sentences)
