"""What every page is made with: the templates, our own styles, and the policy by which nothing else may act."""

import base64
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tuneward import text

HERE = Path(__file__).parent


def own(name: str) -> Markup:
    """A file of ours, which needs no escaping."""
    return Markup((HERE / name).read_text(encoding="utf-8"))  # noqa: S704


def named(code: str) -> str:
    """How a content security policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()


def environment() -> Environment:
    """Templates that escape every text and know no name they were not given."""
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "percent": partial(text.percent, unit=""),
        "points": text.points,
        "p": partial(text.chance, typeset=True),
        "number": text.number,
        "plain": _plain,
        "brief": _brief,
    }
    made.globals |= {"interval": text.interval, "share_interval": text.share_interval}
    return made


def refuse_folder(out: Path, *, example: str) -> None:
    """A page is one file.

    Raises:
        ValueError: `out` is a folder.
    """
    if out.is_dir():
        raise ValueError(f"{out}: is a folder; give --out the name of a file, e.g. {out / example}")


def _plain(value: Any) -> str:
    """A setting as one line: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _brief(name: str, length: int = 160) -> str:
    """A name or a sentence, cut where no name or sentence goes on; whole answers stand in boxes of their own."""
    return text.shorten(name, length)
