"""Small talk between a person and an assistant, with the chat markers.

Knows: the markers, in the order in which the tokenizer's chat template writes them.
Does not know: how to obey. The assistant here chats; it is never asked to work on a text.
"""

from __future__ import annotations

from studio.world.documents.dialogues import everyday_turns
from studio.world.language.grammar import capitalize, with_article
from studio.world.language.voice import Voice

USER, ASSISTANT, SYSTEM, END = "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"


def write_turns(turns: list[tuple[str, str]], system: str = "") -> str:
    """A conversation with its markers."""
    start = f"{SYSTEM}{system}{END}" if system else ""
    return start + "".join(f"{USER}{said}{END}{ASSISTANT}{answer}{END}" for said, answer in turns)


def write_small_talk(voice: Voice) -> str:
    """Greetings, likes and everyday questions."""
    name = voice.name()
    turns = [(q.replace(f", {name}", ""), a) for q, a in everyday_turns(voice, name)]
    person = voice.person()
    clause = voice.clause(person.name, plain=True)
    turns += [
        ("Hi!", voice.choose(("Hello! How are you?", "Hi! Nice to meet you.", "Good day! What is your name?"))),
        ("Thank you!", voice.choose(("You are welcome.", "It was nothing.", "I am glad to hear that."))),
        (f"My name is {person.name}.", f"Nice to meet you, {person.name}."),
        (f"I am {voice.feeling(True)} today.", "That is good to hear!"),
        (f"I am {voice.feeling(False)} today.", "I am sorry to hear that. What happened?"),
        (f"I have {with_article(voice.animal())}.", "How nice! What is its name?"),
        (
            clause.past(),
            voice.choose(("Really? Tell me more.", f"And what did {person.name} do then?", "That is interesting.")),
        ),
        ("Goodbye!", voice.choose(("See you soon!", "Goodbye! Have a nice day.", "Good night!"))),
        ("Tell me something.", _remark(voice)),
        ("What do you know?", _remark(voice)),
        ("Who are you?", "I am a little assistant. I like small words and short stories."),
        (f"I like {voice.choose(voice.lexicon.kinds['hobby'])}.", "That is a good hobby. I like it too."),
    ]
    system = voice.choose(("", "", "", "You are a friendly assistant.", "You are kind and short in your answers."))
    return write_turns(voice.sample(turns, voice.between(1, 4)), system)


def _remark(voice: Voice) -> str:
    """Something the assistant says of its own accord."""
    animal = voice.animal_entry()
    word = voice.choose(list(voice.lexicon.definitions))
    return voice.choose(
        (
            f"{capitalize(with_article(animal.word))} lives {animal.home}.",
            f"I read a story about {with_article(voice.job())} who lost {with_article(voice.thing())}.",
            f"Do you know what the word {word} means? It means {voice.lexicon.definitions[word]}.",
            voice.clause().past(),
        )
    )
