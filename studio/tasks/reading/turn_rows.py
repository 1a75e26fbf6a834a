"""A table with one turn in each row becomes one with a chat in each: the rows of a conversation are put together.

Knows what the columns of such tables are called. Knows no other table, and leaves a turn to `written_turn.py`. A tree,
in which a turn has several answers, is no chat and stays as it is.
"""

from collections import Counter, defaultdict
from typing import Any

from studio.tasks.cell import Notes
from studio.tasks.reading.table import Row, Table
from studio.tasks.written_turn import find_role, flatten

_WHO = ("role", "from", "speaker", "sender", "author", "author_role", "speaker_role")
_SAYS = ("content", "text", "message", "value", "utterance", "body")
_CHATS = (
    "conversation_id", "conv_id", "conversation", "dialogue_id", "dialog_id", "chat_id", "thread_id", "session_id",
    "message_tree_id", "conversation_hash", "dialogue", "dialog", "chat", "session", "thread",
)  # fmt: skip
_ORDER = (
    "turn", "turn_id", "turn_number", "turn_index", "turn_idx", "message_index", "message_number", "position", "order",
    "step", "index", "idx", "seq", "sequence",
)  # fmt: skip
_PARENTS = ("parent_id", "parent", "parent_message_id", "reply_to")


def gather_turns(table: Table, notes: Notes) -> Table:
    """Return the table of whole conversations, where a table has a turn in each row; else the table itself."""
    plain = {flatten(name): name for name in reversed(table.columns)}
    who, says, chat = (_find(plain, names) for names in (_WHO, _SAYS, _CHATS))
    if not (who and says and chat) or table.faults or not _are_turns(table, who, says) or _is_tree(table, plain):
        return table
    chats: dict[str, list[Row]] = defaultdict(list)
    for row in table.rows:
        chats[str(row.values.get(chat))].append(row)
    if len(chats) == len(table.rows):
        return table
    order = _find_order(table, plain)
    rows = [_join(sorted(rows, key=lambda row: int(row.values[order])) if order else rows, who, says, chat)
            for rows in chats.values()]  # fmt: skip
    by = f"the order of {order}" if order else "the order of the rows"
    notes.say(
        f"Each row is one turn: {len(table.rows):,} rows were put together to {len(rows):,} conversations by {chat}, "
        f"in {by}."
    )
    return Table(list(dict.fromkeys(key for row in rows for key in row.values)), rows)


def _find(plain: dict[str, str], names: tuple[str, ...]) -> str:
    return next((plain[name] for name in names if name in plain), "")


def _are_turns(table: Table, who: str, says: str) -> bool:
    roles = {find_role(row.values.get(who)) for row in table.rows}
    return None not in roles and roles >= {"user", "assistant"} and any(row.values.get(says) for row in table.rows)


def _is_tree(table: Table, plain: dict[str, str]) -> bool:
    """Whether a turn has several answers."""
    parent = _find(plain, _PARENTS)
    counts = Counter(str(value) for row in table.rows if (value := row.values.get(parent)) not in (None, ""))
    return any(count > 1 for count in counts.values())


def _find_order(table: Table, plain: dict[str, str]) -> str:
    """The column that numbers the turns."""
    column = _find(plain, _ORDER)
    values: list[Any] = [row.values.get(column) for row in table.rows] if column else []
    return column if values and all(str(value).isdigit() for value in values) else ""


def _join(rows: list[Row], who: str, says: str, chat: str) -> Row:
    """One conversation: what its rows share is beside the turns, the rest in each turn."""
    keys = dict.fromkeys(key for row in rows for key in row.values if key not in (who, says, chat))
    shared = {key: rows[0].values.get(key) for key in keys if all(row.values.get(key) == rows[0].values.get(key)
                                                                 for row in rows)}  # fmt: skip
    turns = [
        {"role": row.values[who], "content": row.values.get(says),
         **{key: value for key, value in row.values.items() if key in keys and key not in shared}}
        for row in rows
    ]  # fmt: skip
    return Row(
        rows[0].place,
        {"id": rows[0].values.get(chat), "messages": turns, **{k: v for k, v in shared.items() if k != "id"}},
    )
