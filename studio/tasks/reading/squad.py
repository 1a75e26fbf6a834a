"""SQuAD's nested files (articles, their paragraphs, the questions on each) as rows: a text and a question, its answers.

Knows the layout that SQuAD 1.1 and 2.0 share with the many sets made after them (Rajpurkar et al. 2018,
arXiv:1806.03822), and nothing of what becomes of a row.
"""

from collections.abc import Iterator
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes

INSTRUCTION = "Answer the question with words from the text before it."
"""What such a file leaves unsaid."""


def list_articles(value: Any) -> list[Any] | None:
    """Return the articles of a SQuAD file, or of the list inside it; None if a value is laid out otherwise."""
    articles = value.get("data") if isinstance(value, dict) else value
    if not isinstance(articles, list) or not articles:
        return None
    paragraphs = [article.get("paragraphs") if isinstance(article, dict) else None for article in articles]
    if not all(isinstance(part, list) for part in paragraphs):
        return None
    found = [paragraph for part in paragraphs if part for paragraph in part]
    fits = all(isinstance(one, dict) and "context" in one and isinstance(one.get("qas"), list) for one in found)
    return articles if found and fits else None


def list_questions(articles: list[Any], notes: Notes) -> list[dict[str, Any]]:
    """Return a row for each question that the text answers; those that it doesn't are left out, with their count.

    Raises TaskError where not one has an answer.
    """
    rows = list(_walk(articles))
    answered = [row for row in rows if row["output"]]
    if not answered:
        raise TaskError(
            f"Not one of the {len(rows):,} questions has an answer, so there is nothing to learn. Choose the file with "
            "the answers, usually the one called train.",
            field="file",
        )
    notes.say(f"The file is laid out as SQuAD: {len(answered):,} questions were read, each with its context.")
    if unanswered := len(rows) - len(answered):
        notes.say(f"{unanswered:,} of the {len(rows):,} questions can't be answered from their context; left out.")
    return answered


def _walk(articles: list[Any]) -> Iterator[dict[str, Any]]:
    for number, article in enumerate(articles):
        for place, paragraph in enumerate(article["paragraphs"]):
            for asked in paragraph["qas"]:
                if not isinstance(asked, dict) or "question" not in asked:
                    spot = f"data[{number}].paragraphs[{place}].qas"
                    raise TaskError(f"{spot}: a question is missing. Write it, or delete its entry.", field=spot)
                yield {
                    **({"id": asked["id"]} if "id" in asked else {}),
                    "instruction": INSTRUCTION,
                    "input": f"{paragraph['context']}\n\n{asked['question']}",
                    "output": _list_answers(asked),
                }


def _list_answers(asked: dict[str, Any]) -> list[Any]:
    """The different answers to a question, in their order."""
    given = asked.get("answers")
    if asked.get("is_impossible") or not isinstance(given, list):
        return []
    texts = (one.get("text") if isinstance(one, dict) else one for one in given)
    return list(dict.fromkeys(text for text in texts if isinstance(text, str) and text.strip()))
