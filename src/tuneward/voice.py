"""How a verb speaks: one document or a table on stdout, everything else on stderr."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ERROR = 2
PIPED_WIDTH = 140
"""Columns where stdout is no terminal."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How much is said, and where."""

    json: bool = False
    """Print exactly one JSON document on stdout; everything else goes to stderr."""
    verbose: bool = False
    """Let the libraries speak as well (also -v)."""
    quiet: bool = False
    """Say nothing on stderr but errors (also -q)."""


def write(text: str) -> None:
    """The only writer to stdout; a reader that has left changes no exit code."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text)


def document(document: Mapping[str, Any]) -> None:
    """One JSON document in ASCII: it holds on any stdout, and no character of a text acts on a terminal."""
    import json

    write(json.dumps(document) + "\n")


def fail(line: str) -> int:
    """One line on stderr; the exit code of an error."""
    from tuneward.text import SENTENCE, plain, shorten

    sys.stderr.write(f"error: {shorten(plain(line), SENTENCE)}\n")
    return ERROR


def say(voice: Voice) -> Callable[[str], None]:
    """Lines on stderr, unless told to be quiet."""
    from tuneward.text import plain

    def line_said(line: str) -> None:
        if not voice.quiet:
            sys.stderr.write(plain(line) + "\n")
            sys.stderr.flush()

    return line_said


@contextlib.contextmanager
def bars(voice: Voice) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Progress with the time left on stderr; a line at the end where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import Progress, TaskID, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True, quiet=voice.quiet)
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn(), TimeElapsedColumn())
    drawn = Progress(*columns, console=console, disable=voice.quiet)

    def start(name: str) -> Callable[[int, int], None]:
        tasks: list[TaskID] = []

        def shown(done: int, total: int) -> None:
            if not tasks:  # what fails before anything was done leaves no bar behind
                drawn.start()
                tasks.append(drawn.add_task(f"{name:<10}"))
            drawn.update(tasks[0], completed=done, total=total)

        return shown

    try:
        yield start
    finally:
        if drawn.live.is_started:
            drawn.stop()


def show(judged: Any, voice: Voice, *, files: list[str]) -> int:
    """The one place that prints a verdict; the code is the verdict's own."""
    if voice.json:
        import msgspec

        document(
            {"audit": msgspec.to_builtins(judged.audit), "verdict": msgspec.to_builtins(judged.verdict), "files": files}
        )
        return int(judged.exit_code)
    from tuneward.outputs.terminal import table
    from tuneward.text import plain

    draw(table(judged.audit, judged.verdict))
    write(f"files    {' · '.join(map(plain, files))}\n" if files else "")
    return int(judged.exit_code)


def screening(screened: Any, voice: Voice, *, files: list[str]) -> int:
    """The one place that prints what a screen found; the code is the document's own."""
    if voice.json:
        import msgspec

        document({"screen": msgspec.to_builtins(screened), "files": files})
        return int(screened.exit_code)
    from tuneward.outputs.screen_terminal import table
    from tuneward.text import plain

    draw(table(screened))
    write(f"files    {' · '.join(map(plain, files))}\n")
    return int(screened.exit_code)


def draw(shown: Any) -> None:
    """A table on stdout, as wide as it is."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with console.capture() as drawn:
        console.print(shown)
    write(drawn.get())


def tell(lines: list[str], voice: Voice, *, what: str) -> int:
    """Lines on stdout, or one document that has them under `what`."""
    from tuneward.text import plain

    if voice.json:
        document({what: lines})
    else:
        write("".join(f"{plain(line)}\n" for line in lines))
    return 0


def hush(voice: Voice) -> None:
    """The libraries' own bars and warnings are for `-v`."""
    if voice.verbose:
        return
    import warnings

    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module=r"(transformers|peft|torch)\b")
