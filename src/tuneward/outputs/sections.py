"""A section of ours in a README that is somebody else's: written anew by each run, the rest untouched."""

import re


def with_section(text: str, name: str, body: str) -> str:
    """The text with the section `name` at its end, in place of an older one; `body` is Markdown."""
    begin, end = marks(name)
    ours = re.compile(rf"\n*{re.escape(begin)}.*?{re.escape(end)}\n*", re.S)
    kept = ours.sub("\n\n", text).rstrip()
    return f"{kept}\n\n{begin}\n\n{body}\n\n{end}\n".lstrip("\n")


def marks(name: str) -> tuple[str, str]:
    """What stands around it."""
    return f"<!-- tuneward: {name} -->", f"<!-- /tuneward: {name} -->"
