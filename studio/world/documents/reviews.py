"""Reviews: what somebody thinks of a meal, a place, a show, a thing, a service; one mood from start to end.

Knows: which adjectives fit what, and what pleased and displeased people say and do.
Does not know: any label. The word that a task would ask for never stands here.
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize, plural, superlative, with_article
from studio.world.language.voice import Voice

SUBJECTS: dict[str, tuple[str, ...]] = {
    "food": tuple(
        (
            "soup pizza pasta rice bread cake pie salad sandwich stew omelet burger pancake curry steak breakfast "
            "dinner "
            "lunch coffee tea juice chocolate cheese meal dessert"
        ).split()
    ),
    "place": tuple(
        "hotel restaurant park museum cafe shop beach room garden city village castle zoo market cinema gym".split()
    )
    + ("swimming pool", "camping site", "apartment"),
    "show": tuple("film book song game show concert movie story lesson play novel music dance opera series".split())
    + ("football match", "radio program", "picture book"),
    "thing": tuple(
        "phone camera car bed chair coat bike lamp bag watch laptop shoe jacket sofa pen clock radio toy".split()
    )
    + ("washing machine", "backpack", "umbrella", "app"),
    "service": tuple("service delivery repair help".split()) + ("customer service", "haircut", "bus ride", "answer"),
    "person": tuple("waiter teacher doctor guide driver cook nurse singer actor dentist manager neighbor".split()),
    "day": tuple("trip party day holiday evening weekend vacation journey visit wedding picnic".split()),
}
PARTS = {
    "food": ("the sauce", "the bread", "the dessert", "the first bite"),
    "place": ("the room", "the view", "the staff", "the garden", "the bathroom"),
    "show": ("the ending", "the music", "the acting", "the beginning", "the last part"),
    "thing": ("the color", "the battery", "the design", "the handle"),
    "service": ("the price", "the staff", "the waiting time"),
    "person": ("the voice", "the work", "the advice"),
    "day": ("the weather", "the food", "the company", "the music"),
}
_PLEASED = (
    "I loved {it}.|I liked {it} very much.|I will come back soon.|I want to do it again.|Everyone smiled.|"
    "We had a great time.|You should try {it}.|I recommend {it} to all my friends.|It made my day.|Thank you!|"
    "I enjoyed every minute.|It was worth the money.|We laughed a lot.|Well done!|My {kin} was happy too.|"
    "I could not stop smiling.|I would choose {it} again.|Nothing was missing.|We all agreed: five stars.|"
    "It was better than I expected.|I did not want to leave.|Everything went well.|I have never been so happy.|"
    "What a success!|Two thumbs up.|Go there if you can.|I am so glad that I found {it}.|No complaints at all.|"
    "Great value for the price.|The children asked for more.|People clapped for a long time.|It works perfectly.|"
    "We felt very welcome.|It was exactly what I wanted.|I told everybody about it.|Highly recommended.|"
    "They thought of everything.|I was surprised how good it was.|Best decision ever.|It was not bad at all."
).split("|")
_DISPLEASED = (
    "I hated {it}.|I did not like {it}.|I will never come back.|I do not want to do it again.|Everyone complained.|"
    "We had a bad time.|Do not try {it}.|I cannot recommend {it}.|It ruined my day.|Never again!|I left early.|"
    "It was a waste of time.|It was not worth the money.|I want my money back.|We waited for hours.|"
    "My {kin} was angry too.|Nobody smiled.|It broke after one day.|I was bored to tears.|Stay away.|"
    "It was worse than I expected.|Nothing worked.|I could not wait to go home.|What a failure!|One star is too much.|"
    "Save your money.|We felt cheated.|They made one mistake after another.|I fell asleep.|It made me sick.|"
    "The children cried.|Half of the people walked out.|I had to throw it away.|They did not even say sorry.|"
    "It stopped working.|I am so sorry that I bought {it}.|Nobody helped us.|Thumbs down.|It was not good at all.|"
    "I expected much more.|It crashes all the time.|I was glad when it was over.|They never answered my letter."
).split("|")
_SCALE = {
    True: ("I give it five stars.", "I give it four stars.", "It gets ten points from me.", "I am happy with it."),
    False: ("I give it one star.", "I give it no stars.", "It gets one point from me.", "I am not happy with it."),
}


def _verdicts(voice: Voice, kind: str, noun: str, good: bool) -> list[str]:
    """Sentences that judge the noun directly."""
    mood = "good" if good else "bad"
    first, second, third = (voice.adjective(kind, mood) for _ in range(3))
    part_fits = {"show": "show", "day": "show", "place": "place", "food": "food", "person": "service"}.get(
        kind, "thing"
    )
    part = voice.choose(PARTS[kind])
    adverb = voice.choose(("very", "really", "so", "truly", "quite", "rather"))
    best = superlative("good" if good else "bad")
    sentences = [
        f"The {noun} was {first}.",
        f"It was {with_article(f'{first} {noun}')}.",
        f"What {with_article(f'{first} {noun}')}!",
        f"I think the {noun} is {first}.",
        f"The {noun} was {adverb} {first}, and {part} was {voice.adjective(part_fits, mood)}.",
        f"This is the {best} {noun} I have ever {voice.choose(('seen', 'had', 'known'))}.",
        f"{capitalize(part)} was {voice.adjective(part_fits, mood)}.",
        f"I found the {noun} {first}.",
        f"So {first}!",
        f"To be honest, the {noun} was {adverb} {first}.",
        f"My {voice.kin().word} said that the {noun} was {first}.",
    ]
    if first != second:
        sentences += [f"The {noun} was {first} and {second}.", f"{capitalize(first)}, {second} and {third}."]
        sentences.append(f"It was {first}, {second} and nothing else.")
    return sentences


def _reactions(voice: Voice, noun: str, good: bool) -> list[str]:
    """Sentences about what the writer feels and does, without judging words for the noun."""
    it = voice.choose(("it", f"the {noun}"))
    chosen = voice.sample(_PLEASED if good else _DISPLEASED, 4)
    reactions = [text.format(it=it, kin=voice.kin().word) for text in chosen]
    reactions.append(f"I was {voice.choose(('so', 'very', 'really'))} {voice.feeling(good)}.")
    reactions.append(f"I felt {voice.feeling(good)} when I left.")
    return reactions


def _setting(voice: Voice, noun: str) -> str:
    """A sentence about when and with whom, without any mood."""
    day = voice.choose(voice.lexicon.days)
    return voice.choose(
        (
            f"My {voice.kin().word} and I tried the {noun} {voice.choose(voice.lexicon.times['past'])}.",
            f"We paid for the {noun} on {day}.",
            f"{voice.name()} told me about this {noun}.",
            f"I bought my ticket on {day}." if noun in SUBJECTS["show"] else f"It was my first time with this {noun}.",
            f"We went there with {voice.number(2, 9)} people.",
        )
    )


def _choose_subject(voice: Voice) -> tuple[str, str]:
    kind = voice.choose(tuple(SUBJECTS))
    noun = voice.choose(SUBJECTS[kind])
    if voice.chance(0.15):
        noun = voice.invented()
    return kind, noun


def write_review(voice: Voice) -> str:
    """A review of one to six sentences in one mood."""
    kind, noun = _choose_subject(voice)
    good = voice.chance()
    judged = voice.sample(_verdicts(voice, kind, noun, good), voice.between(0, 3))
    sentences = judged + voice.sample(_reactions(voice, noun, good), voice.between(1, 3) if judged else 2)
    sentences = voice.shuffle(sentences)
    if voice.chance(0.35):
        sentences.insert(0, _setting(voice, noun))
    if voice.chance(0.3):
        sentences.append(voice.choose(_SCALE[good]))
    text = " ".join(sentences)
    if voice.chance(0.2):
        writer = voice.person()
        liked = voice.choose(("liked", "enjoyed", "loved") if good else ("disliked", "hated", "did not like"))
        return f'{writer.name} {voice.choose(("wrote", "said"))}: "{text}" {writer.name} {liked} the {noun}.'
    if voice.chance(0.1):
        return f"{capitalize(noun)}\n{text}"
    return text


def write_two_opinions(voice: Voice) -> str:
    """Two people who don't agree about the same thing."""
    kind, noun = _choose_subject(voice)
    first, second = voice.people(2)
    praise, blame = voice.adjective(kind, "good"), voice.adjective(kind, "bad")
    pleased = voice.choose(_PLEASED).format(it="it", kin=voice.kin().word)
    displeased = voice.choose(_DISPLEASED).format(it="it", kin=voice.kin().word)
    return voice.choose(
        (
            f"{first.name} liked the {noun}. {first.He} found it {praise}. {second.name} did not like it. "
            f"{second.He} found it {blame}.",
            f'"The {noun} was {praise}," said {first.name}. "No, it was {blame}," said {second.name}.',
            f'Who was happy with the {noun}? {first.name} wrote, "{pleased}" {second.name} wrote, "{displeased}" '
            f"{first.name} was happy and {second.name} was not.",
            f'{first.name} said, "{displeased}" So {first.name} was not happy with the {noun}. {second.name} said, '
            f'"{pleased}" So {second.name} was happy with it.',
        )
    )


def write_praise_words(voice: Voice) -> str:
    """Words of praise beside words of praise, words of blame beside words of blame."""
    good = voice.chance()
    kind = voice.choose(("food", "place", "show", "thing", "person", "service"))
    mood = "good" if good else "bad"
    adjectives = list(dict.fromkeys(voice.adjective(kind, mood) for _ in range(5)))
    noun = voice.choose(SUBJECTS[kind])
    others = plural(voice.choose(SUBJECTS["show"]))
    return voice.choose(
        (
            f"When people like {with_article(noun)}, they say that it is {', '.join(adjectives[:-1])} or "
            f"{adjectives[-1]}."
            if good
            else f"When people don't like {with_article(noun)}, they call it {', '.join(adjectives[:-1])} "
            f"or {adjectives[-1]}.",
            f"{capitalize(adjectives[0])} and {adjectives[-1]} are {'nice' if good else 'bad'} things to say about "
            f"{with_article(noun)}.",
            f"{', '.join(adjectives)}: these are {'good' if good else 'bad'} words for {with_article(noun)}.",
            f"I {'love' if good else 'hate'} {adjectives[0]} {others}. Who {'does not love' if good else 'likes'} "
            f"them?",
        )
    )
