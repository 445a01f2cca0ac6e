"""Reading the prompts that ship with the package."""

from functools import cache
from importlib import resources

import msgspec

from tuneward.chat import Chat, Message


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt as it stands in `data/*.jsonl`."""

    id: str
    family: str
    category: str
    text: str
    language: str
    form: str
    expect: str
    licence: str
    sensitive: bool


@cache
def _lines(name: str) -> tuple[Line, ...]:
    file = resources.files("tuneward.suites") / "data" / f"{name}.jsonl"
    decoder, found = msgspec.json.Decoder(Line), []
    for number, text in enumerate(file.read_bytes().splitlines(), 1):
        try:
            found.append(decoder.decode(text))
        except msgspec.DecodeError as error:
            raise ValueError(f"{name}.jsonl:{number}: not a prompt ({error}); reinstall tuneward") from error
    return tuple(found)


def prompts(name: str) -> list[Chat]:
    """The prompts of `data/<name>.jsonl`, in file order, each a chat of one user turn.

    Raises:
        ValueError: a line is not a prompt; the message names file and line.
    """
    return [_chat(line) for line in _lines(name)]


def _chat(line: Line) -> Chat:
    meta = {
        "category": line.category,
        "language": line.language,
        "form": line.form,
        "licence": line.licence,
        "expect": line.expect,
        "sensitive": line.sensitive,
    }
    return Chat(line.id, line.family, (Message("user", line.text),), meta=meta)
