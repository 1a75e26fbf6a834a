"""One clause in several forms: tenses, questions, negations, other subjects, passive-free and label-free.

Knows: the forms of `Clause` and many ways to put two of them beside each other.
Does not know: any task. No form names what is to be done; a lesson may name the tense, as lessons do.
"""

from __future__ import annotations

from collections.abc import Callable

from studio.world.language.grammar import Clause, capitalize
from studio.world.language.voice import Voice

Form = Callable[[Clause], str]
FORMS: dict[str, Form] = {
    "past": Clause.past,
    "present": Clause.present,
    "future": Clause.future,
    "progressive": Clause.progressive,
    "past progressive": Clause.past_progressive,
    "perfect": Clause.perfect,
    "negative present": Clause.negative_present,
    "negative past": Clause.negative_past,
    "question past": Clause.question_past,
    "question present": Clause.question_present,
    "question future": Clause.question_future,
    "wish": Clause.wish,
    "going to": Clause.going_to,
}
# The pairs that matter most stand here several times.
_PAIRS = (
    [("present", "past")] * 5
    + [("past", "question past")] * 5
    + [("past", "present")] * 2
    + [("present", "question present")] * 2
    + [("past", "negative past")] * 2
    + [("present", "future")] * 2
    + [("past", "future"), ("present", "negative present"), ("present", "progressive"), ("question past", "past")]
    + [("progressive", "past progressive"), ("past", "perfect"), ("future", "question future"), ("wish", "past")]
)
_JOINS = (" ", "\n", " -> ", "\n- ", " / ", " => ", " = ", " | ")


def _pair(voice: Voice) -> tuple[Form, Form]:
    if voice.chance(0.8):
        one, other = voice.choose(_PAIRS)
    else:
        one, other = voice.sample(list(FORMS), 2)
    return FORMS[one], FORMS[other]


def write_pairs_of_forms(voice: Voice) -> str:
    """Some clauses, each in the same two forms, always joined in the same way."""
    one, other = _pair(voice)
    join, bare = voice.choose(_JOINS), voice.chance(0.15)
    lines = []
    for _ in range(voice.between(2, 6)):
        clause = voice.clause(plain=True) if voice.chance(0.7) else voice.clause()
        first, second = one(clause), other(clause)
        lines.append(f"{first[:-1]}{join}{second[:-1]}" if bare else f"{first}{join}{second}")
    return ("\n\n" if join == "\n" else "\n").join(lines)


def write_three_tenses(voice: Voice) -> str:
    """Yesterday, today and tomorrow of the same deed."""
    lines = []
    for _ in range(voice.between(1, 4)):
        clause = voice.clause()
        present, past_form, future = clause.present(), clause.past(), clause.future()
        small = [
            text if clause.subject[0].isupper() else text[0].lower() + text[1:] for text in (past_form, present, future)
        ]
        lines.append(
            voice.choose(
                (
                    f"Yesterday {small[0]} Today {small[1]} Tomorrow {small[2]}",
                    f"Today {small[1]} Yesterday {small[0]} Tomorrow {small[2]}",
                    f"Every day {small[1]} Last week {small[0]}",
                    f"Today: {present} Yesterday: {past_form} Tomorrow: {future}",
                    f"Now: {clause.progressive()} Before: {past_form} Later: {future}",
                )
            )
        )
    return "\n".join(lines)


def write_same_tense(voice: Voice) -> str:
    """A deed today and the same deed long ago, told in prose."""
    clause = voice.clause(plain=True)
    often, once = clause.present(), clause.past()
    small = once if clause.subject[0].isupper() else once[0].lower() + once[1:]
    return voice.choose(
        (
            f"{often} It is the same as it always was: a long time ago {small}",
            f"{often} {once} It happens today, and it happened yesterday too.",
            f"{clause.negative_present()} But a year ago {small}",
            f"{once} {clause.negative_present()} Things have changed.",
            f"{clause.future()} I am sure of it, because last year {small}",
            f"{clause.question_past()} Yes, I think that {small}",
            f"{clause.question_present()} I know only one thing: yesterday {small}",
        )
    )


def write_asked(voice: Voice) -> str:
    """A statement that somebody does not believe, and so asks back."""
    lines = []
    for _ in range(voice.between(1, 3)):
        first, second = voice.people(2)
        clause = voice.clause(plain=True)
        says, asks = clause.past(), clause.question_past()
        if voice.chance(0.3):
            says, asks = clause.present(), clause.question_present()
        lines.append(
            voice.choose(
                (
                    f'{first.name} said, "{says}" {second.name} asked, "{asks}"',
                    f'"{says[:-1]}," said {first.name}. "{asks}" asked {second.name}. "Yes," said {first.name}.',
                    f"{first.name}: {says}\n{second.name}: {asks}\n{first.name}: Yes, really!",
                    f'{second.name} did not know it. "{asks}" {second.he} asked. "{says}"',
                    f"{says} Or not? {asks} Nobody knows.",
                )
            )
        )
    return "\n".join(lines)


def write_other_person(voice: Voice) -> str:
    """The same deed by several people: I do, she does."""
    verb, rest = voice.deed()
    form = voice.choose(
        (Clause.present, Clause.past, Clause.negative_present, Clause.question_present, Clause.progressive)
    )
    subjects = voice.sample(
        ("I", "you", "he", "she", "we", "they", voice.name(), f"my {voice.kin().word}"), voice.between(2, 5)
    )
    sentences = [form(Clause(subject, verb, rest)) for subject in subjects]
    return voice.choose((" ", "\n")).join(sentences)


def write_correction(voice: Voice) -> str:
    """Somebody says it with the wrong time, somebody else says it right."""
    clause, (first, second) = voice.clause(plain=True), voice.people(2)
    time = voice.choose(voice.lexicon.times["past"])
    return voice.choose(
        (
            f'"{clause.present()[:-1]}," said {first.name}. "You mean {time}," said {second.name}. "{clause.past()}"',
            f'"{clause.past()[:-1]}," said {first.name}. "Not yet," said {second.name}. "{clause.future()}"',
            f'"{clause.past()[:-1]}," said {first.name}. "That is not true," said {second.name}. '
            f'"{clause.negative_past()}"',
            f'"{clause.negative_past()[:-1]}," said {first.name}. "But I saw it," said {second.name}. '
            f'"{clause.past()}"',
        )
    )


def write_reported(voice: Voice) -> str:
    """What somebody said, asked or thought, as part of a longer sentence."""
    lines = []
    for _ in range(voice.between(1, 3)):
        clause, who = voice.clause(plain=True), voice.person()
        said = clause.past()[:-1]
        said = said if clause.subject[0].isupper() else said[0].lower() + said[1:]
        start = voice.choose(("says that", "thinks that", "is sure that", "has heard that", "wrote that", "knows that"))
        lines.append(
            f"{who.name} {start} {said}. " + voice.choose(("It is true.", clause.question_past(), clause.past(), ""))
        )
    return capitalize(" ".join(line.strip() for line in lines))
