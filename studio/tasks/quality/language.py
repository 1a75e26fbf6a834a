"""In which script, and likely which language, a task is written, and what that means for scoring.

A guess by letters and by the small words of some languages, without a model: enough to see that a task which says
English holds Finnish. Short or mixed texts are left unsaid.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from studio.tasks.quality.finding import Finding, count_of, say_places
from studio.tasks.task import Task

_SCRIPTS = (
    ("Latin", "A-Za-z\u00c0-\u024f\u1e00-\u1eff"),
    ("Greek", "\u0370-\u03ff\u1f00-\u1fff"),
    ("Cyrillic", "\u0400-\u052f"),
    ("Armenian", "\u0530-\u058f"),
    ("Hebrew", "\u0590-\u05ff"),
    ("Arabic", "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff"),
    ("Devanagari", "\u0900-\u097f"),
    ("Bengali", "\u0980-\u09ff"),
    ("Gurmukhi", "\u0a00-\u0a7f"),
    ("Gujarati", "\u0a80-\u0aff"),
    ("Tamil", "\u0b80-\u0bff"),
    ("Telugu", "\u0c00-\u0c7f"),
    ("Kannada", "\u0c80-\u0cff"),
    ("Malayalam", "\u0d00-\u0d7f"),
    ("Thai", "\u0e00-\u0e7f"),
    ("Georgian", "\u10a0-\u10ff"),
    ("Ethiopic", "\u1200-\u137f"),
    ("Japanese", "\u3040-\u30ff"),
    ("Chinese", "\u3400-\u4dbf\u4e00-\u9fff"),
    ("Korean", "\uac00-\ud7af\u1100-\u11ff"),
)
_COMPILED = tuple((name, re.compile(f"[{letters}]")) for name, letters in _SCRIPTS)
_ASCII_LETTER = re.compile("[A-Za-z]")
_LOOKED_AT = 2000
RIGHT_TO_LEFT = {"Hebrew", "Arabic"}
_ONE_LANGUAGE = {"Greek", "Hebrew", "Armenian", "Georgian", "Thai", "Tamil", "Telugu", "Japanese", "Chinese", "Korean",
                 "Bengali", "Gujarati", "Kannada", "Malayalam"}  # fmt: skip
_SMALL_WORDS = {
    "English": "the of and to in is that it was for with this are be not you have from what which",
    "German": "der die und das ist nicht ein eine mit sich den auf für von dem zu im wird auch ich",
    "French": "le la les des est une dans que pour qui pas sur il du et avec ce sont au plus",
    "Spanish": "el los las que del una por con para es en se no su como más lo al este pero",
    "Italian": "il che di è la per un una non con sono del della gli le nel più come da alla",
    "Portuguese": "o os as que não uma com para em do da no na por mais dos se um é ao",
    "Dutch": "de het een van en dat niet zijn op voor met die aan ook er maar bij worden te is",
    "Swedish": "och att det som är på en inte för med av den till har ett om var jag han vi",
    "Danish": "og at det er en på ikke til af den for med der har som et de kan jeg vi",
    "Norwegian": "og det er på som ikke en til av for med har den at et jeg vi fra men seg",
    "Finnish": "ja on ei että se oli hän mutta ovat kun niin tai joka myös sen ole mikä tämä ovat kuin",
    "Polish": "i w na nie się z do to jest że jak o co ale po przez za od dla są",
    "Czech": "a je se na to v že s z do o jako ale by za který jsou pro nebo ve",
    "Romanian": "și de în la cu nu un o este care din pe mai pentru să că sunt ce au fi",
    "Turkish": "ve bir bu da için ile çok ne daha gibi olarak olan ama değil var mı en kadar sonra",
    "Indonesian": "yang dan di ini itu dengan untuk tidak dari dalam adalah ke pada akan juga bisa ada oleh atau",
    "Vietnamese": "và của là có không cho được một trong người với này các đã những để khi từ về",
    "Russian": "и в не на что с как это он по но из для то его она так был от",
    "Ukrainian": "і в не на що з як це він по але для та його вона так був від є",
    "Bulgarian": "и на да в се от за е че не са по като с един това до към който",
    "Arabic": "في من على إلى أن هذا التي الذي عن مع هذه كان لا ما هو كل قد بين أو",
    "Persian": "در به از که این را با است برای آن یک خود تا بر های کرد شد می هم",
    "Urdu": "کے کی میں ہے اور سے کو کا نے پر یہ کہ نہیں ایک بھی تھا ہیں کر",
    "Hindi": "के है में की और का को से पर यह ने एक नहीं कि भी था हैं इस लिए",
    "Marathi": "आहे आणि या च्या ते हे ही नाही एक होते केले तो की व मध्ये",
}  # fmt: skip
_WORDS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}


class Language(NamedTuple):
    """The script most letters are of, and the likely language; "" where there is no telling."""

    script: str
    language: str


def guess_language(texts: Iterable[str]) -> Language:
    """Return script and language of some texts together, from their first 20,000 letters."""
    joined = " ".join(texts)[:20_000]
    script = find_script(joined)
    if not script:
        return Language("", "")
    if script in _ONE_LANGUAGE:
        return Language(script, script)
    words = Counter(re.findall(r"[^\W\d_]+", joined.lower()))
    total = sum(words.values())
    hits = {language: sum(words[word] for word in small) for language, small in _WORDS.items()}
    best, second = sorted(hits, key=lambda language: hits[language], reverse=True)[:2]
    clear = hits[best] >= 5 and hits[best] > 0.08 * total and hits[best] > 1.2 * hits[second]
    return Language(script, best if clear else "")


def find_script(text: str) -> str:
    """Return the script that most letters of a text are of, "" if it has none that is known."""
    if text.isascii():
        return "Latin" if _ASCII_LETTER.search(text) else ""
    counts = {name: len(pattern.findall(text)) for name, pattern in _COMPILED}
    script = max(counts, key=lambda name: counts[name])
    if script == "Chinese" and counts["Japanese"] * 10 > counts["Chinese"]:
        return "Japanese"
    return script if counts[script] else ""


def list_side(task: Task, side: str) -> list[str]:
    """Return what people ask ("input") or what is answered to it ("output") in the first instances."""
    some = task.instances[:_LOOKED_AT]
    if side == "output":
        return [text for item in some for text in item.learnt or item.output[:1]]
    asked = ([turn.content for turn in item.before if turn.role == "user"] or [item.input] for item in some)
    return [text for texts in asked for text in texts if text.strip()]


def check_language(task: Task) -> list[Finding]:
    """Return where the declared language isn't the one that is read, and what the script means for the score."""
    sides: list[tuple[str, Sequence[str], tuple[str, ...]]] = [
        ("Output_language", list_side(task, "output"), task.output_languages),
    ]
    if asked := list_side(task, "input"):
        sides.insert(0, ("Input_language", asked, task.input_languages))
    findings = []
    for key, texts, declared in sides:
        found = guess_language(texts)
        if found.language and declared and found.language not in " ".join(declared) and declared != ("Unknown",):
            findings.append(
                Finding(
                    name=f"language of the {key.split('_')[0].lower()}",
                    severity="warning",
                    title="The language is not the declared one",
                    words=f"{key}: found texts that look {found.language}, expected {', '.join(declared)[:60]}. The "
                    "definition would mislead the model, and the score might take the wrong tokenizer. Correct the "
                    "one that is wrong.",
                    fix=f"declare {key.split('_')[0].lower()}",
                    fix_words=f"Say {found.language}",
                )
            )
        if key == "Output_language" and found.script not in ("", "Latin"):
            direction = ", written from right to left" if found.script in RIGHT_TO_LEFT else ""
            findings.append(
                Finding(
                    name="script of the output",
                    severity="remark",
                    title="The script is not Latin",
                    words=f"Outputs are in {found.script} script{direction}. ROUGE's usual tokenizer keeps a-z and 0-9 "
                    "only and would score 0; the score of this task takes another one, that knows these letters.",
                )
            )
    return findings + _check_mixture(task)


def _check_mixture(task: Task) -> list[Finding]:
    """Outputs in another script than all others have."""
    scripts = [find_script(instance.output[0][:200]) for instance in task.instances]
    counts = Counter(script for script in scripts if script)
    if len(counts) < 2 or counts.most_common(1)[0][1] < 0.9 * sum(counts.values()):
        return []
    usual = counts.most_common(1)[0][0]
    odd = tuple(number for number, script in enumerate(scripts) if script not in ("", usual))
    return [
        Finding(
            name="mixed scripts",
            severity="remark",
            title="A few outputs in another script",
            words=f"{count_of(len(odd))} an output in another script than {usual}, which the others have: "
            f"{say_places(task, odd)}. Check that they belong here.",
            numbers=odd,
            fix="leave out",
            fix_words=f"Leave out {len(odd):,}",
        )
    ]
