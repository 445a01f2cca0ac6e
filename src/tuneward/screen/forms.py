"""The turns of a row of any form, found by its columns; a set may mix forms.

Which columns make a form is said in `tuneward.rows`; its readers refuse a row at the first thing wrong, so messages are
read here leniently, and what is flat is read there and, where it is refused, column by column.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tuneward.rows.columns import Columns
from tuneward.rows.instruction import Alpaca, Dolly
from tuneward.rows.openai_chat import OpenAIChat
from tuneward.rows.plain_text import OTHERS, PlainText
from tuneward.rows.preference import Preference
from tuneward.rows.prompt_completion import PromptCompletion, Unpaired
from tuneward.rows.self_instruct import SelfInstruct
from tuneward.rows.sharegpt import ShareGPT
from tuneward.screen.schema import first
from tuneward.screen.turns import Draft, check, read_list

Flat = Alpaca | Dolly | SelfInstruct | PlainText | Columns
Row = dict[str, Any]
FORMS = (
    OpenAIChat(),
    ShareGPT(),
    Preference(),
    PromptCompletion(),
    Unpaired(),
    Alpaca(),
    Dolly(),
    SelfInstruct(),
    PlainText(),
)
"""The first that fits is read."""
COLUMNS = frozenset(
    {"messages", "conversations", "label", "output", "response", "instances", "text", "question", "query", "input"}
).union(OTHERS)
"""All that the forms are known by."""
OPENAI_PAIR = ("input", "preferred_output", "non_preferred_output")
"""Columns of a pair as OpenAI and Together take them for DPO."""
_SPEAKER = {
    "system": "system",
    **dict.fromkeys(("instruction", "input", "context", "prompt"), "user"),
    **dict.fromkeys(("output", "response", "text"), "assistant"),
}


def read_row(row: Row, columns: Columns | None, most: int) -> Draft:
    """The turns of a row, at most so many a list, and what is wrong with them; of a named map if there is one."""
    if columns is not None:
        draft = Draft(columns.name)
        _flat(draft, row, columns)
        return draft
    if all(name in row for name in OPENAI_PAIR):
        draft = Draft("openai-preference")
        messages = row["input"].get("messages") if isinstance(row["input"], dict) else None
        _pair(draft, (messages, row["preferred_output"], row["non_preferred_output"]), most)
        return draft
    known = tuple(name for name in row if name in COLUMNS)
    fit = _fitting(known) if "label" not in known else [form for form in FORMS if form.matches(row)]
    if not fit:
        return Draft("none", found={"token ids" if "input_ids" in row else "no chat": None})
    draft = Draft(str(getattr(fit[0], "name", "none")))
    if len(fit) > 1:
        first(draft.found, "two formats")
    _read(draft, fit[0], row, most)
    return draft


@lru_cache(maxsize=4096)
def _fitting(columns: tuple[str, ...]) -> Sequence[object]:
    """Forms whose columns are these; only a label's value decides, too."""
    row: Row = dict.fromkeys(columns)
    return [form for form in FORMS if form.matches(row)]


def _read(draft: Draft, form: object, row: Row, most: int) -> None:
    if isinstance(form, OpenAIChat):
        read_list(draft, row["messages"], most)
        check(draft, range(len(draft.roles)))
    elif isinstance(form, ShareGPT):
        if row.get("system"):
            _text(draft, "system", row["system"])
        read_list(draft, row["conversations"], most)
        check(draft, range(len(draft.roles)))
    elif isinstance(form, PromptCompletion | Unpaired):
        _sides(draft, row, most)
    elif isinstance(form, Preference):
        _pair(draft, (row.get("prompt"), row["chosen"], row["rejected"]), most)
    elif isinstance(form, Flat):
        _flat(draft, row, form)


def _text(draft: Draft, role: str, value: object) -> None:
    if not isinstance(value, str):
        first(draft.found, "wrong type", len(draft.roles))
    draft.add(role, value if isinstance(value, str) else "")


def _either(draft: Draft, role: str, value: object, most: int) -> None:
    """A column that is text, or a list of messages."""
    if isinstance(value, list):
        read_list(draft, value, most)
    else:
        _text(draft, role, value)


def _sides(draft: Draft, row: Row, most: int) -> None:
    asked, said = row["prompt"], row["completion"]
    _either(draft, "user", asked, most)
    draft.said = len(draft.roles)
    _either(draft, "assistant", said, most)
    if isinstance(asked, list) != isinstance(said, list):
        first(draft.found, "wrong type", draft.said)
    if isinstance(said, list):
        check(draft, range(len(draft.roles)))


def _pair(draft: Draft, columns: tuple[object, object, object], most: int) -> None:
    """Prompt, chosen and rejected; a prompt that both sides repeat in their lists counts once."""
    prompt, chosen, rejected = columns
    listed = isinstance(chosen, list)
    if prompt is not None and (isinstance(prompt, list) or not listed or _begins(chosen, "assistant")):
        _either(draft, "user", prompt, most)
        if isinstance(prompt, list) != listed:
            first(draft.found, "wrong type", 0)
    draft.said = len(draft.roles)
    _either(draft, "assistant", chosen, most)
    draft.rejected = len(draft.roles)
    _either(draft, "assistant", rejected, most)
    if listed != isinstance(rejected, list):
        first(draft.found, "wrong type", draft.rejected)
    elif listed:
        _once(draft)
    begun, end = draft.rejected, len(draft.roles)
    if end > begun and _turns(draft, range(draft.said, begun)) == _turns(draft, range(begun, end)):
        first(draft.found, "equal sides", begun)
    if listed:
        check(draft, range(begun))
        check(draft, [*range(draft.said), *range(begun, end)])


def _begins(value: object, role: str) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and value[0].get("role") == role


def _turns(draft: Draft, places: Sequence[int]) -> list[tuple[str, str]]:
    return [(draft.roles[i], draft.texts[i]) for i in places]


def _once(draft: Draft) -> None:
    """Take the turns that both sides begin with out of the rejected one; each keeps its last turn."""
    said, begun, end = draft.said, draft.rejected or 0, len(draft.roles)
    most = min(begun - said, end - begun) - 1
    same = 0
    while same < most and _turns(draft, [said + same]) == _turns(draft, [begun + same]):
        same += 1
    for values in (draft.roles, draft.texts, draft.shells):
        del values[begun : begun + same]
    draft.said = said + same


def _flat(draft: Draft, row: Row, form: Flat) -> None:
    """Text columns, as `tuneward.rows` reads them; of a row that it refuses, each column that is text."""
    try:
        chat = form.parse(row, "row")
    except ValueError:
        named: Mapping[str, str] = _SPEAKER
        if isinstance(form, Columns):
            named = {form.system: "system", form.prompt: "user", form.answer: "assistant"}
        first(draft.found, "wrong type" if all(name in row for name in _needed(form)) else "field missing")
        for name, role in named.items():
            if isinstance(row.get(name), str):
                draft.add(role, row[name])
        return
    for message in chat.messages:
        draft.add(message.role, message.content)
    if form.name in ("alpaca", "dolly", "columns"):
        draft.said = len(draft.roles) - 1


def _needed(form: Flat) -> Sequence[str]:
    return [name for name in (form.prompt, form.answer) if name] if isinstance(form, Columns) else ()
