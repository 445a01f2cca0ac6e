"""The turns of a row: read into messages, and written back with everything a message carried besides its text.

What is kept of a message is its *shell*: the dict it came from with the text taken out. A weight, a name or a tool call
stays in the shell, the text only in the `Chat`. So an edited text is written where the old one stood, and no second
copy of a removed text survives in `meta`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tuneward.chat import Chat, Message

Row = dict[str, Any]
"""One row as its file holds it: column → value, columns in the file's order."""

OPENAI = ("role", "content")
SHAREGPT = ("from", "value")

SPEAKERS = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "bing", "bard", "bot", "model", "ai", "function_call"), "assistant"
    ),
    **dict.fromkeys(("tool", "observation", "ipython", "function_response", "tool_response"), "tool"),
    **{role: role for role in ("system", "developer", "function")},
}
"""Names for a speaker seen in public data sets → the role a chat template knows."""

SHAREGPT_NAMES = {"user": "human", "assistant": "gpt"}


def to_chat(
    where: str, messages: Sequence[Message], *, row: Row, used: Collection[str], meta: Mapping[str, Any]
) -> Chat:
    """A chat for the row at `where` ("file:line"); columns not `used` for messages stay untouched in `meta["row"]`."""
    identity = where.rsplit("/", 1)[-1]
    line = identity.rpartition(":")[2]
    kept = {
        **meta,
        "line": int(line) if line.isdecimal() else None,
        "columns": list(row),
        "row": {column: value for column, value in row.items() if column not in used},
    }
    return Chat(identity, identity, tuple(messages), meta=kept)


def to_row(chat: Chat, filled: Row) -> Row:
    """The untouched columns and the `filled` ones together, in the order in which the row had them."""
    values = {**chat.meta.get("row", {}), **filled}
    order = [column for column in chat.meta.get("columns", ()) if column in values]
    return {column: values[column] for column in dict.fromkeys([*order, *values])}


def was_used(chat: Chat, column: str) -> bool:
    """Whether the chat's messages were taken from this column."""
    return column in chat.meta.get("columns", ()) and column not in chat.meta.get("row", {})


def text_in(row: Mapping[str, Any], column: str, where: str) -> str:
    """The text of a column.

    Raises:
        ValueError: when it is missing or something else, naming `where` and the column.
    """
    if not isinstance(row.get(column), str):
        raise ValueError(f'{where}: "{column}" is {kind_of(row.get(column))}; expected text')
    return str(row[column])


def kind_of(value: object) -> str:
    """A word for the type of a JSON value; errors name kinds, never contents."""
    if value is None:
        return "missing or null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def names(columns: Iterable[str]) -> str:
    """Column names for an error; cut short, because the first line of a CSV without header is somebody's text."""
    found = [column if len(column) <= 40 else column[:39] + "…" for column in columns]
    return ", ".join(found[:20] + ["…"] * (len(found) > 20)) or "none"


def read_turns(value: object, where: str, column: str) -> tuple[list[Message], list[Row]]:
    """The messages of a column, and their shells.

    Raises:
        ValueError: naming `where` and the message, unless each has a known speaker and text, text parts or tool calls.
    """
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else kind_of(value)
        raise ValueError(f'{where}: "{column}" is {found}; expected a list of messages')
    read = [_read(item, f"{where}: {column}[{place}]") for place, item in enumerate(value)]
    return [message for message, _ in read], [shell for _, shell in read]


def write_turns(messages: Sequence[Message], shells: Sequence[Row], *, style: tuple[str, str] = OPENAI) -> list[Row]:
    """Messages back in their shells; `style` names the two keys of a message that never had a shell.

    Raises:
        ValueError: when turns were added, removed or swapped and a shell holds more than text: which turn would a
            weight belong to?
    """
    if [message.role for message in messages] == [_role(shell) for shell in shells]:
        return [_filled(shell, message) for shell, message in zip(shells, messages, strict=True)]
    extras = sorted({key for shell in shells for key in shell} - {*OPENAI, *SHAREGPT})
    if extras:
        raise ValueError(
            f"its turns are not those of the row it was read from, and that row's messages carry {', '.join(extras)}; "
            'keep the turns, or drop meta["turns"]'
        )
    speaker, said = _style(shells[0]) if shells else style
    own = SHAREGPT_NAMES if speaker == "from" else {}
    return [{speaker: own.get(message.role, message.role), said: message.content} for message in messages]


def _style(shell: Mapping[str, Any]) -> tuple[str, str]:
    return OPENAI if "role" in shell else SHAREGPT


def _role(shell: Mapping[str, Any]) -> str:
    return SPEAKERS[shell[_style(shell)[0]].lower()]


def _read(item: object, where: str) -> tuple[Message, Row]:
    if not isinstance(item, dict) or not ("role" in item or "from" in item):
        raise ValueError(f"{where} is {kind_of(item)} without a speaker; expected role and content, or from and value")
    speaker, said = _style(item)
    if not isinstance(item[speaker], str) or item[speaker].lower() not in SPEAKERS:
        raise ValueError(f'{where}: unknown speaker in "{speaker}"; expected one of {", ".join(SPEAKERS)}')
    shell = dict(item)
    content, shape = _content(item, said, where)
    if said in item:
        shell[said] = shape
    return Message(_role(item), content), shell


def _content(item: Row, said: str, where: str) -> tuple[str, Any]:
    """Text and what is left of it in the shell: "" for text, lengths for parts, None for null."""
    value = item.get(said)
    if isinstance(value, str):
        return value, ""
    if value is None and (item.get("tool_calls") or item.get("function_call")):
        return "", None
    if not isinstance(value, list):
        raise ValueError(f'{where}: "{said}" is {kind_of(value)}; expected text, a list of text parts, or tool calls')
    for place, part in enumerate(value):
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValueError(f'{where}.{said}[{place}] is not text; expected {{"type": "text", "text": …}}')
    return "".join(part["text"] for part in value), [{**part, "text": len(part["text"])} for part in value]


def _filled(shell: Row, message: Message) -> Row:
    said = _style(shell)[1]
    shape = shell.get(said)
    if isinstance(shape, list):
        return {**shell, said: _parts(shape, message.content)}
    if shape is None and not message.content:
        return dict(shell)
    return {**shell, said: message.content}


def _parts(shape: list[Row], content: str) -> list[Row]:
    """Text cut where the parts met; one part holds it all when its length changed."""
    if sum(part["text"] for part in shape) != len(content):
        return [{**(shape[0] if shape else {"type": "text"}), "text": content}]
    parts, start = [], 0
    for part in shape:
        parts.append({**part, "text": content[start : start + part["text"]]})
        start += part["text"]
    return parts
