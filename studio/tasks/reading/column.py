"""One column of a table, going by its name and its first values: an id, a chat, a text to read, book-keeping.

Knows the words that people use for columns, and what values look like. Decides nothing about the others (`guess.py`).
"""

import re
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from studio.tasks.reading.choice import read_choices
from studio.tasks.reading.conversation import CHAT_KEYS, looks_like_turns
from studio.tasks.reading.transcript import read_transcript
from studio.tasks.tool import load_json, looks_like_tools
from studio.tasks.written_turn import find_role, flatten

Rows = Sequence[Dictionary[str, Any]]

IDS = ("id", "uid", "guid", "uuid", "index", "idx")
SYSTEM = (
    "system", "system_prompt", "system_message", "system_instruction", "system_text", "sys", "sys_prompt", "system_msg",
    "system_content", "preamble",
)  # fmt: skip
HISTORY = (
    "history", "chat_history", "conversation_history", "dialogue_history", "dialog_history", "previous_turns",
    "previous_messages", "past", "context", "turns_before",
)  # fmt: skip
TOOLS = (
    "tools", "functions", "available_tools", "tool_config", "tool_schemas", "tool_definitions", "function_definitions",
    "api_list", "apis", "tools_json",
)  # fmt: skip
COUNTS = ("weight", "train", "trainable", "train_on", "loss_weight")
OUTPUTS = (
    "output", "outputs", "completion", "completions", "response", "responses", "answer", "answers", "target", "targets",
    "label", "labels", "chosen", "summary", "highlights", "translation", "reply", "expected_output", "expected",
    "ground_truth", "gold", "reference", "correct_answer", "final_answer", "best_answer", "model_answer", "answer_key",
    "correct", "solution", "sql", "class", "category", "assistant", "gpt", "correct_option", "correct_choice",
    "verdict", "gold_answer", "ideal", "generated_text", "intent", "sentiment", "emotion",
)  # fmt: skip
"""Names of the answer, the surest first."""
INPUTS = (
    "input", "inputs", "text", "sentence", "question", "prompt", "document", "review", "message", "content", "article",
    "context", "premise", "body", "query", "passage", "hypothesis", "title", "schema", "table", "choices", "options",
    "hint", "problem", "background", "evidence", "knowledge", "paragraph", "story", "facts", "claim", "email",
    "subject", "post", "comment", "tweet", "utterance", "code", "diff", "patch", "source_text", "dialogue", "user",
    "human", "create", "persona", "goal", "scenario", "situation", "abstract", "headline", "description", "keywords",
    "example", "endings", "tone", "style", "target_language", "source_language", "target_lang", "source_lang",
    "snippet", "function", "option", "choice", "ending", "sol",
    "doc", "wiki", "abs", "src", "ctx", "reference_text", "rubric", "request",
)  # fmt: skip
"""Names of what is read; also with something after them: sentence1, question_text."""
BEFORE_A_QUESTION = (
    "text", "content", "body", "title", "sentence", "abstract", "email", "review",
    "context", "passage", "schema", "table", "background", "evidence", "knowledge", "paragraph", "story", "facts",
    "document", "article", "create", "persona", "scenario", "situation", "code", "diff", "patch", "wiki", "ctx", "doc",
    "system", "reference",
)  # fmt: skip
QUESTIONS = ("question", "query", "prompt", "request", "problem", "ask", "user", "human")
AFTER_A_QUESTION = ("choices", "options", "hint", "endings", "candidates", "alternatives")
_ANSWERS = frozenset(
    "antwort ausgabe respuesta salida réponse reponse sortie risposta uscita resposta saída antwoord svar vastaus "
    "odpowiedź odpowiedz odpověď válasz răspuns ответ відповідь одговор cevap yanıt απάντηση "
    "答案 回答 答え 答 输出 답변 대답 उत्तर جواب الجواب إجابة תשובה".split()
)
ROLE_COLUMNS = ("role", "from", "speaker", "sender", "author")
_ANSWER_SIDE = re.compile(
    r"(.*_)?(explanation|rationale|reason|cot|co_t|chain|thought|think|solution|answer|response|output|completion|reject|gold|label)"
)
_BOOKS = re.compile(
    r"(.*_)?(id|ids|uid|guid|uuid|idx|index|hash|url|urls|uri|link|license|licence|split|subset|fold|meta|metadata|"
    r"timestamp|date|datetime|time|created|created_at|updated|updated_at|score|scores|rating|ratings|quality|reward|"
    r"rewards|votes|upvotes|downvotes|likes|rank|length|len|count|tokens|version|source|sources|dataset|dataset_name|"
    r"category|categories|topic|topics|tags|tag|domain|difficulty|level|lang|language|languages|generator|"
    r"annotator|author_id|file|filename|file_name|file_path|path|row|row_number|line|perplexity|embedding|embeddings|"
    r"schema_version|origin|toxicity|toxic|moderation|redacted|country|state_code|confidence|probability|usage|"
    r"logprobs|finish_reason|model_name|engine|added|dump|note|notes|remark|remarks|n|no|nr|num|number|task_name|task_type|task_id|type)"
    r"(_\d+)?|(score|num|n|is|has|count|len|rating|reward|meta|annotator|quality|stats|prob|token)_.*|unnamed_\d+|model"
)
_MAY_BE_LABELS = (
    "category", "categories", "topic", "topics", "tag", "tags", "rating", "ratings", "score", "stars", "quality",
    "level", "difficulty", "domain", "type", "language", "lang", "country", "toxicity", "toxic", "source",
)  # fmt: skip
_DECIDES = re.compile(r"(is|has)_(correct|right|valid|good|bad|wrong|accepted|preferred|better|true|safe)")
_ADDED = re.compile(r"_(text|str|string|content)$|(?<=label)_names?$|(?<=class)_names?$|(?<=category)_name$")
"""What is added to the name of a column that says in words what another numbers."""
_VALUE = re.compile(
    r"https?://\S+|\d{4}-\d\d-\d\d([T ][\d:.+Z-]+)?|[0-9a-fA-F]{16,}|[0-9a-fA-F-]{36}|(\w+:/)?(/[\w.-]+){2,}|"
    r"(?=\S*\d)\w+([-_.:/]\w+)+"
)


class Column:
    """A column's name, and what its first rows hold."""

    def __init__(self, name: str, plain: str, rows: Rows) -> None:
        self.name, self.plain = name, plain
        self.values = [row[name] for row in rows if row.get(name) not in (None, "", [], {})]

    @cached_property
    def is_empty(self) -> bool:
        """Whether no row says anything."""
        return not any(not isinstance(value, str) or value.strip() for value in self.values)

    @cached_property
    def is_chat(self) -> bool:
        """Whether each value is a list of turns with roles."""
        return self.plain not in SYSTEM and bool(self.values) and all(map(looks_like_turns, self.values))

    @cached_property
    def may_be_chat(self) -> bool:
        """Whether it is called as a chat is, and holds lists, or texts that have a name before each turn."""
        if self.plain not in CHAT_KEYS or not self.values:
            return False
        return all(isinstance(value, list | dict) for value in self.values) or self.is_transcript

    @cached_property
    def is_transcript(self) -> bool:
        """Whether each value is a text with a mark before each turn, such as "Human: ... Assistant: ..."."""
        return bool(self.values) and all(isinstance(value, str) and read_transcript(value) for value in self.values)

    @cached_property
    def are_tools(self) -> bool:
        """Whether it is called as tools are, and describes some."""
        return self.plain in TOOLS and all(map(looks_like_tools, self.values))

    @cached_property
    def is_history(self) -> bool:
        """Whether it is called as earlier turns are, and holds lists; a context may as well be a list of passages."""
        if self.plain not in HISTORY or not self.values:
            return False
        return self.is_chat or (
            self.plain != "context" and all(isinstance(load_json(one), list) for one in self.values)
        )

    @cached_property
    def are_verdicts(self) -> bool:
        """Whether each value is true or false."""
        return bool(self.values) and all(isinstance(value, bool) for value in self.values)

    @cached_property
    def are_numbers(self) -> bool:
        """Whether each value is a number, or a text that is one."""
        return bool(self.values) and all(
            isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\s*-?[\d.,]+\s*", value))
            for value in self.values
        )

    @cached_property
    def is_text(self) -> bool:
        """Whether some value has words, or choices: something to read."""
        return any(
            (isinstance(value, str) and " " in value.strip())
            or read_choices(self.plain, value)
            or (isinstance(value, list) and all(isinstance(item, str) for item in value))
            for value in self.values
        )

    @cached_property
    def are_lists(self) -> bool:
        """Whether each value is a list of several texts, and no choices."""
        return bool(self.values) and all(
            isinstance(value, list)
            and len(value) > 1
            and all(isinstance(item, str) for item in value)
            and not read_choices(self.plain, value)
            for value in self.values
        )

    @cached_property
    def are_roles(self) -> bool:
        """Whether each value says who speaks."""
        return self.plain in ROLE_COLUMNS and bool(self.values) and all(map(find_role, self.values))

    @cached_property
    def are_questions(self) -> bool:
        """Whether most values end with a question mark, of whatever script."""
        asked = sum(isinstance(value, str) and value.rstrip().endswith(("?", "？", "؟", ";")) for value in self.values)
        return asked * 2 > len(self.values)

    @property
    def is_answer(self) -> bool:
        """Whether it is called "answer" in another language."""
        return self.name.strip().lower() in _ANSWERS

    @property
    def is_numbered(self) -> bool:
        """Whether it has no name of its own, only a number."""
        return self.name.startswith("column ") and self.name[7:].isdigit()

    @property
    def is_input(self) -> bool:
        """Whether its name is one of what is read."""
        return any(self.plain == name or self.plain.startswith(name) for name in INPUTS) and not self.is_book

    @property
    def is_book(self) -> bool:
        """Whether its name is one of book-keeping."""
        above = any(_BOOKS.fullmatch(flatten(key)) for key in self.name.split(".")[:-1])
        read = self.plain in INPUTS or _DECIDES.fullmatch(self.plain)
        return above or (bool(_BOOKS.fullmatch(self.plain)) and not read)

    @property
    def may_be_label(self) -> bool:
        """Whether it is called as book-keeping is, and may as well be what is to be told of a text."""
        return self.plain in _MAY_BE_LABELS and len(set(map(str, self.values))) > 1

    @property
    def is_answer_side(self) -> bool:
        """Whether its name is one of those that come with an answer rather than before it."""
        return bool(_ANSWER_SIDE.match(self.plain))

    @cached_property
    def is_harmless(self) -> bool:
        """Whether nothing is lost if it plays no part: it is empty, book-keeping, or of ids, dates and addresses."""
        if self.is_empty or self.is_book:
            return True
        if self.plain in ("name", "subject"):
            return not self.is_text
        if self.plain in INPUTS or self.is_answer_side:
            return False
        return all(isinstance(value, str) and _VALUE.fullmatch(value.strip()) for value in self.values)

    @property
    def size(self) -> int:
        """Letters of all values."""
        return sum(len(str(value)) for value in self.values)


def name_plainly(names: Sequence[str]) -> dict[str, str]:
    """Return each name in small letters, of nested keys the last, without a beginning or end that others share."""
    last = [_find_last(name) for name in names]
    plain = {name: flatten(end if last.count(end) == 1 else name) for name, end in zip(names, last, strict=True)}
    known = {*OUTPUTS, *INPUTS, *CHAT_KEYS, *SYSTEM, "instruction", "rejected"}
    for name, word in plain.items():
        first, _, rest = word.partition("_")
        shared = sum(other.startswith(f"{first}_") for other in plain.values())
        if word not in known and not _BOOKS.fullmatch(word):
            short = rest if shared > 1 and rest in known else _ADDED.sub("", word)
            plain[name] = short if short in known else word
    return plain


def _find_last(name: str) -> str:
    """The last key of a nested one that says something: answers of `answers.text`."""
    above, _, last = name.rpartition(".")
    return _find_last(above) if above and last in ("text", "value", "content", "string") else last
