"""Text that came from somewhere else, for a log, a summary and a comment: nothing in it acts."""

import html
import re
import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
LIVE = re.compile(r"@|#|www(?=\.)|(?:https?|ftp|mailto|xmpp)(?=:)|\bGH(?=-\d)", re.I)
"""What a code host turns into a mention, a link or a reference without any markup; a zero-width space stops it."""
TEXT, SENTENCE = 400, 1200
"""Characters of a name or reason, and of a message."""


def plain(text: object, length: int = SENTENCE) -> str:
    """One short line: hidden characters are spelt, and what a runner would read as a command in a log is broken."""
    line = re.sub(r"[\t\r\n]", " ", str(text)).strip()[:length]
    spelt = "".join(f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c) in HIDDEN else c for c in line)
    return spelt.replace("##[", "## [")


def escaped(text: object, length: int = TEXT) -> str:
    """The same in Markdown: no markup, no HTML, no link, no mention."""
    marked = re.sub(r"([\\`*_\[\]|~$#!])", r"\\\1", html.escape(plain(text, length), quote=False))
    return LIVE.sub(r"\g<0>&#8203;", marked)


def say(text: object, level: str = "") -> None:
    """A line in the log; with a level (`warning`, `error`) it is also an annotation of the run."""
    line = plain(text)
    print(f"::{level}::{line.replace('%', '%25')}" if level else f"tuneward: {line}", flush=True)


def capped(text: str, limit: int) -> str:
    """At most `limit` bytes and a last line that says so, cut between two lines."""
    data = text.encode()
    if len(data) <= limit:
        return text
    kept = data[:limit].decode(errors="ignore")
    return kept[: kept.rfind("\n") + 1 or len(kept)] + "\nCut here; summary.md in the audit's folder has all of it.\n"
