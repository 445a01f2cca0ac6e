"""Arguments → a verb's options, its voice, and methods named after them. The only parser; loads no verb's work."""

import contextlib
import dataclasses
import importlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tuneward.voice import Voice

SHORT = {"-v": "--verbose", "-q": "--quiet"}
FRAME = ("╭", "╰")
"""First and last line of a box drawn by the parser."""


@dataclass(frozen=True)
class Verb:
    """Where a word's options and its work are, and the question it answers."""

    options: str
    """module:class, light."""
    run: Callable[..., int]
    question: str
    methods: str = ""
    """module:mapping of words that may follow its own options, each to module:class, light."""


def options_of(verb: Verb, word: str, arguments: list[str]) -> tuple[Any, Voice]:
    """Arguments → the verb's options and the voice.

    Raises:
        ValueError: one line that says what is wrong and what was probably meant.
    """
    kind = _named(verb.options)
    command = dataclasses.make_dataclass("Command", [], bases=(kind, Voice), frozen=True, kw_only=True)
    command.__doc__ = kind.__doc__
    if verb.methods:
        words = ", ".join(_named(verb.methods))
        command.__doc__ = f"{kind.__doc__}\n\nThey are: {words}; tuneward {word} NAME --help says what each takes."
    parsed = _read(command, word, [SHORT.get(argument, argument) for argument in arguments])
    return _part(parsed, kind), _part(parsed, Voice)


def split(verb: Verb, arguments: list[str]) -> list[list[str]]:
    """A verb's own arguments, and those of each method that is named after them, its word first."""
    if not verb.methods:
        return [arguments]
    words, kind = _named(verb.methods), _named(verb.options)
    chunks: list[list[str]] = [[]]
    before = ""
    for argument in arguments:
        flag = SHORT.get(before, before).removeprefix("--").replace("-", "_")
        switch = any(isinstance(getattr(one, flag, None), bool) for one in (kind, Voice))
        value = re.fullmatch(r"--?[A-Za-z][\w-]*", before) and not switch
        if not value and (argument in words or re.fullmatch(r"[\w.]+:[A-Z]\w*", argument)):
            kind = _named(words.get(argument, argument))
            chunks.append([argument])
        else:
            chunks[-1].append(argument)
        before = argument
    return chunks


def method(verb: Verb, word: str, name: str, *arguments: str) -> Any:
    """A method's word and arguments → the method. Raises as `options_of` does."""
    place = _named(verb.methods).get(name, name)
    return _read(_named(place), f"{word} {name}", list(arguments))


def _named(place: str) -> Any:
    module, name = place.split(":")
    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        raise ValueError(f"{place}: {module} has no {name}")
    return found


def _read(kind: Any, prog: str, arguments: list[str]) -> Any:
    import tyro

    spoken = io.StringIO()
    try:
        with contextlib.redirect_stderr(spoken):
            return tyro.cli(kind, prog=f"tuneward {prog}", args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as stop:
        if stop.code:
            raise ValueError(f"tuneward {prog}: {_one_line(spoken.getvalue())}") from None
        raise
    except BrokenPipeError:  # whoever reads the help has seen enough
        raise SystemExit(0) from None


def _part(parsed: Any, kind: type[Any]) -> Any:
    return kind(**{field.name: getattr(parsed, field.name) for field in dataclasses.fields(kind)})


def _one_line(box: str) -> str:
    """What the parser drew as a box, as one line."""
    lines = [line.strip("│ ") for line in box.splitlines() if line[:1] not in FRAME]
    if len(lines) > 1 and not lines[1].strip("-"):  # where stdout cannot draw, the title is underlined
        lines = lines[2:]
    text = " ".join(line for line in lines if line.strip("-─"))
    for noise in (r"For full helptext.*", r"Argument helptext:.*", r"Got errors:.*", r"\{None\}\|", r" \(required\)"):
        text = re.sub(noise, "", text)
    text = re.sub(r"Missing from tuneward [\w ]+:", "missing", text)
    return text.replace("Error parsing Command: ", "").strip()
