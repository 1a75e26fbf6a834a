"""Longer plain prose: lessons, games and rules about words and texts, and how everyday things are done.

Knows: how people talk about sentences, words, reviews and stories in a class or a game.
Does not know: any fixed form of a task. The prose tells what people do; it never gives an order to the reader's answer.
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize, ing, list_words, past, plural, with_article
from studio.world.language.voice import Voice


def write_language_lesson(voice: Voice) -> str:
    """What happens in a lesson about sentences, tenses, questions, plurals or opposites."""
    teacher, pupil = voice.person(), voice.person()
    clause, noun = voice.clause(plain=True), voice.noun()
    pair = voice.choose(voice.lexicon.opposites)
    title = voice.choose(("teacher", "old teacher", "new teacher"))
    return voice.choose(
        (
            f"In the language lesson the class talks about time. Some sentences tell what happens now, and others "
            f"tell what "
            f"happened in the past. The {title} {teacher.name} writes a sentence in the present tense on the board: "
            f'"{clause.present()}" {pupil.name} rewrites the sentence in the past tense: "{clause.past()}" '
            f"Only the verb has changed, and all the other words are the same.",
            f'Today the pupils learn how to ask. {teacher.name} reads a statement: "{clause.past()}" {pupil.name} '
            f"turns the "
            f'statement into a question that can be answered with yes or no: "{clause.question_past()}" The answer is '
            f"yes.",
            f"A noun is a word for a person, an animal, a place or a thing. The singular form is for one, and the "
            f"plural form is "
            f"for more than one. {teacher.name} gives a noun to every child. {pupil.name} gets the noun {noun} and "
            f"has to "
            f'write the plural form. "{capitalize(plural(noun))}," {pupil.he} writes.',
            f"Many words have an opposite. You are given a word, and you have to find the word that means the "
            f"opposite. "
            f'{teacher.name} says, "{pair.one}." {pupil.name} thinks for a moment and says, "{pair.other}."',
            f'{teacher.name} teaches the class to say that something is not so. The sentence is: "{clause.past()}" The '
            f'opposite statement is: "{clause.negative_past()}" And the question is: "{clause.question_past()}"',
            f'The pupils read a short text and look for the verb. In the sentence "{clause.past()[:-1]}", the verb is '
            f"{past(clause.verb)}, and the subject is {clause.subject}.",
        )
    )


def write_reading_lesson(voice: Voice) -> str:
    """How people read a story and answer questions with words from the story."""
    teacher, hero = voice.person(), voice.person()
    (place, where), thing, day = voice.spot(), voice.thing(), voice.choose(voice.lexicon.days)
    asked, answer = voice.choose(
        (
            ("Who is the story about?", hero.name),
            (f"Where was {hero.name}?", where),
            ("On which day did it happen?", day),
            (f"What did {hero.name} find?", with_article(thing)),
        )
    )
    return voice.choose(
        (
            f"When you read a short story, you can ask four questions: who, where, when and what. The answer is "
            f"always a word "
            f"from the story. Here is a story: {hero.name} went to the {place} on {day}. There {hero.he} found "
            f"{with_article(thing)}. {asked} {capitalize(answer)}.",
            f"{teacher.name} reads a story of two sentences to the class and then asks a question about it. The "
            f"children answer "
            f'with one word or a few words. "{hero.name} was {where} on {day}. {hero.He} found {with_article(thing)}," '
            f'reads {teacher.name}. "{asked}" "{capitalize(answer)}," say the children.',
            f"To understand a text, look for the names, the places and the days. A name tells you who did it. A place "
            f"tells you "
            f"where it happened. A day tells you when it happened. In the text about {hero.name}, the place was the "
            f"{place}, "
            f"the day was {day}, and the thing was {with_article(thing)}.",
        )
    )


def write_review_lesson(voice: Voice) -> str:
    """How people can see whether the writer of a review was happy."""
    writer, kind = voice.person(), voice.choose(("food", "place", "show", "thing"))
    praise, blame = voice.adjective(kind, "good"), voice.adjective(kind, "bad")
    noun = {"food": "soup", "place": "hotel", "show": "film", "thing": "phone"}[kind]
    good = voice.chance()
    word = praise if good else blame
    return voice.choose(
        (
            f"A review is a short text about {with_article(noun)} or something else. The writer says what was good "
            f"and what was "
            f"bad. If you read the words {praise} or {'nice' if praise != 'nice' else 'good'}, you know that the "
            f"writer was happy. If you read the words {blame} or "
            f"{'bad' if blame != 'bad' else 'terrible'}, you know that the writer was not happy.",
            f"{writer.name} works for a newspaper and reads the reviews that people send. Every day {writer.he} has "
            f"to decide "
            f'whether the writer likes the {noun} or not. One review says, "The {noun} was {word}." It is easy to see '
            f"that this "
            f"writer {'liked' if good else 'did not like'} it.",
            f"Before people buy something, they read what others think of it. One person wrote that the {noun} was "
            f"{praise}, "
            f"and another person wrote that it was {blame}. So the first was pleased and the second was not. It is "
            f"often a "
            f"single word that shows what somebody feels.",
        )
    )


def write_school_day(voice: Voice) -> str:
    """Several lessons one after another: a longer text."""
    writers = (write_language_lesson, write_reading_lesson, write_review_lesson, write_game, write_explanation)
    return voice.choose(("\n", " ")).join(writer(voice) for writer in voice.sample(writers, voice.between(2, 3)))


def write_game(voice: Voice) -> str:
    """The rules of a game with words, and somebody who plays it."""
    first, second = voice.people(2)
    kind, other = voice.sample(("fruit", "tool", "bird", "color", "toy", "vehicle", "instrument", "vegetable"), 2)
    same, odd = voice.sample(voice.lexicon.kinds[kind], 3), voice.choose(voice.lexicon.kinds[other])
    line = voice.shuffle([*same, odd])
    pair = voice.choose(voice.lexicon.opposites)
    clause = voice.clause(plain=True)
    return voice.choose(
        (
            f"This is a game for two. One child says four words, and three of them belong together. The other child "
            f"has to find "
            f'the word that does not belong. "{capitalize(list_words(line))}," says {first.name}. '
            f'"{capitalize(odd)}," says '
            f"{second.name}, and that is right, because the others are {plural(kind)}.",
            f"In this game the first player says a word and the second player answers with the opposite. {first.name} "
            f"says "
            f"{pair.one}, and {second.name} says {pair.other}. Then it is the turn of {second.name}.",
            f"One player tells something, and the next player has to repeat it word for word. {first.name} says, "
            f'"{clause.past()}" {second.name} repeats, "{clause.past()}" Whoever makes a mistake has lost.',
            f"Everybody sits in a circle. The first one says a short sentence, and the neighbor makes a question of "
            f"it. "
            f'{first.name} begins: "{clause.past()}" {second.name} asks: "{clause.question_past()}" Nobody may use '
            f"other words.",
        )
    )


def write_explanation(voice: Voice) -> str:
    """How or why something everyday is done, as a paragraph of linked sentences."""
    person, job = voice.person(), voice.job_entry()
    thing = voice.choose([entry for entry in voice.lexicon.things if entry.word != "scissors"])
    animal, country = voice.animal_entry(), voice.choose(voice.lexicon.countries)
    sick = animal.word
    return voice.choose(
        (
            f"If you want to {thing.use}, you need {with_article(thing.word)}. First you look for a good {thing.word} "
            f"in a shop. "
            f"Most of them are made of {thing.material}, but some are not. You should not buy the first one that you "
            f"see, "
            f"because the cheapest {thing.word} is not always the best. When you have found the right one, take good "
            f"care of it.",
            f"{person.name} is {with_article(job.word)}. That means that {person.he} {job.does}. {person.He} has to "
            f"get up early "
            f"and works {job.where} until the evening. It is hard work, but {person.he} likes it, because {person.he} "
            f"meets "
            f"many people. In the evening {person.he} is often tired.",
            f"Not every animal lives in the same place. {capitalize(with_article(animal.word))}, for example, lives "
            f"{animal.home}. It eats {animal.food}. That is why you should never keep {with_article(animal.word)} in a "
            f"small box. If you find a sick {sick}, call a vet and do not touch it.",
            f"When {person.name} wanted to travel to {country.word}, {person.he} first looked at a map. The capital of "
            f"{country.word} is {country.capital}. {person.He} bought a ticket, packed a suitcase and said goodbye to "
            f"{person.his} {voice.kin().word}. The journey took {voice.number(2, 12)} hours. In {country.capital} the "
            f"people "
            f"were friendly, and {person.name} learned some words of their language.",
            f"To write a good letter, begin with the name of the person. Then say why you are writing. Use short "
            f"sentences and "
            f"words that are easy to understand. Do not write too much. At the end, write your own name. "
            f"{person.name} wrote "
            f"such a letter to {person.his} {voice.kin().word} and got an answer after {voice.number(2, 9)} days.",
            f"Plants need water, light and good soil. If you put "
            f"{with_article(voice.choose(voice.lexicon.kinds['flower']))} in "
            f"a dark room, it will not grow. If you give it too much water, it will die. {person.name} waters the "
            f"flowers "
            f"{voice.choose(voice.lexicon.times['present'])}, and so they grow well.",
            f"Many things have a name that tells what they are for. {capitalize(with_article(thing.word))} is "
            f"{with_article(thing.kind) if thing.kind != 'object' else 'a thing'} that people use to {thing.use}. If "
            f"you do not "
            f"have one, you can ask a neighbor. {person.name} has two {plural(thing.word)} and will lend you one.",
            f"{person.name} does not like {ing(voice.choose(('wait', 'work', 'cook', 'shop', 'clean the house')))}. "
            f"There are "
            f"three reasons. The first reason is the time it takes. The second reason is the noise. The third reason "
            f"is that "
            f"{person.he} would like to be at home with {person.his} {voice.kin().word}. Which reason is the most "
            f"important? "
            f"Nobody knows.",
        )
    )
