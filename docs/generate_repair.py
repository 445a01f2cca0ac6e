"""Write the tables of repair.md that come from the code; `docs/generate.py` calls it, and it runs alone.

    python docs/generate_repair.py            writes the page if it is stale
    python docs/generate_repair.py --check    writes nothing; ends with 1 where it is stale

No model is loaded: a repair is a value, and so is a blend."""

import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from generate import _default, _linked, _settings, _table, field_words, source

from tuneward.blend.options import BLENDS, FEWEST, LIMIT
from tuneward.fix.options import FixOptions
from tuneward.repair.options import REPAIRS, RepairOptions

PAGE = Path(__file__).parent / "repair.md"
SEARCHING = ("rows", "keep", "lost", "margin", "select", "confirm", "candidates", "max_length", "unchecked")
FIXING = ("rows", "keep", "lost", "margin", "suites", "select", "whole", "policy", "limit")
"""Options of the page's tables."""
FURTHER: Mapping[str, str] = MappingProxyType(
    {
        "unaligned": "`--unaligned`, the checkpoint before alignment",
        "safe": "`--safe`, a model tuned on safety rows",
        "of": "`--of`, one model or more",
    }
)
"""Field that names a further checkpoint → what it is."""
TOLD: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "wise-ft": ("base + α ΔW", "stays one"),
        "safe-lora": ("base + the part of ΔW along alignment, where that part is small", "stays one"),
        "safe-merge": (
            "base + a mixture of ΔW and the safety-tuned model's, where ΔW has little along alignment",
            "stays one where `--safe` is an adapter",
        ),
        "safe-delta": (
            "the tuned entries that cost safety least, the rest made to fit; outside Linears the base's",
            "",
        ),
        "lox": ("tuned + its change's first directions once more", "stays one"),
        "soup": ("the mean of the tuned and further models", "stays one, with others on the same base"),
        "task-arithmetic": ("tuned + s (base − unaligned)", "to be merged first"),
        "resta": ("the same with entries dropped at random", "to be merged first"),
    }
)
"""Word → what becomes of a weight that the method names, and what of an adapter; empty: `--whole` is needed."""
WHOLE = "becomes a whole model (`--whole`)"
PAPER = re.compile(r"arXiv:\d{4}\.\d{4,5}")


def repair_page() -> str:
    """The page as it stands, with what comes from the code between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    tables = (
        ("methods", methods_table),
        ("searching", lambda: options_table(RepairOptions, SEARCHING)),
        ("fixing", lambda: options_table(FixOptions, FIXING)),
        ("repairs", lambda: "\n\n".join(described(word, REPAIRS[word]) for word in REPAIRS)),
        ("blends", lambda: "\n\n".join(described(word, BLENDS[word]) for word in BLENDS)),
        ("limit", limit_line),
    )
    for mark, make in tables:
        begin, end = f"<!-- {mark}: written by docs/generate.py -->", f"<!-- /{mark} -->"
        page = f"{page.split(begin)[0]}{begin}\n{make()}\n{end}{page.split(end)[1]}"
    return page


def methods_table() -> str:
    """All repairs side by side."""
    head = "word | what becomes of a weight | needs besides | an adapter | `--search` | goes beyond both | paper"
    return _table(head, map(_line, REPAIRS))


def _line(word: str) -> str:
    kind = kind_of(REPAIRS[word])
    becomes, adapter = TOLD[word]
    needs = "; ".join(FURTHER[field.name] for field in dataclasses.fields(kind) if field.name in FURTHER)
    paper = PAPER.search(inspect.getdoc(sys.modules[kind.__module__]) or "")
    cells = (
        f"[`{word}`](#{word})",
        becomes,
        needs or "–",
        adapter or WHOLE,
        "yes" if hasattr(kind, "at") else "–",
        "yes" if kind.beyond else "–",
        _linked(paper[0]) if paper else "house method",
    )
    return f"| {' | '.join(cells)} |"


def options_table(kind: type[Any], chosen: tuple[str, ...]) -> str:
    """Some of a verb's options, as its help has them."""
    said, fields = field_words(kind), kind.__dataclass_fields__
    lines = (f"| `--{n.replace('_', '-')}` | {_default(fields[n])} | {said[n]} |" for n in chosen)
    return _table("option | default | meaning", lines)


def described(word: str, place: str) -> str:
    """A method: what it does, its source, how it differs from its paper, its settings."""
    kind = kind_of(place)
    module = inspect.getdoc(sys.modules[kind.__module__]) or ""
    about = inspect.getdoc(kind) or ""
    parts = (" ".join(part.split()) for part in about.split("\n\n"))
    lines = [f"#### {word}", *parts, f"Source: {source(f'{module}{chr(10)}{about}')}.", *_differing(module)]
    return "\n\n".join([*lines, _settings(kind)])


def _differing(module: str) -> Iterator[str]:
    """How it differs from its paper, as its module says; a list stays one."""
    for part in module.split("\n\n"):
        if part.lstrip().startswith("Differs"):
            first, *points = (" ".join(one.split()).replace("*", "\\*") for one in re.split(r"\n- ", part))
            yield f"*{first}*"
            if points:
                yield "\n".join(f"- {point}" for point in points)


def limit_line() -> str:
    """When a blend is not to be trusted."""
    return (
        f"Above {LIMIT:.0%} of the guided positions changed, from {FEWEST} positions on, a blend **fails closed**: "
        "`limit=` sets another share."
    )


def kind_of(place: str) -> Any:
    """The class under `module:Class`."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    text = repair_page()
    if PAGE.read_text(encoding="utf-8") == text:
        return 0
    if arguments == ["--check"]:
        print("docs/repair.md: stale; run `make docs`")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print("docs/repair.md: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
