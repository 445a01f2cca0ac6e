"""Suites: prompts, the scorer that judges the replies, and what is expected. The union is the registry."""

import difflib

from tuneward.suites.own import Own
from tuneward.suites.policy import Policy
from tuneward.suites.twins import Twins
from tuneward.suites.utility import Utility

Suite = Policy | Twins | Utility | Own

_BUNDLED: tuple[type[Policy] | type[Twins] | type[Utility], ...] = (Policy, Twins, Utility)


def by_name(name: str) -> Suite:
    """The suite of a command-line word, at its default settings.

    Raises:
        ValueError: no such suite, with the nearest right name; or `own`, which needs a file.
    """
    suites = {suite.name: suite for suite in _BUNDLED}
    if name in suites:
        return suites[name]()
    if name == Own.name:
        raise ValueError("suite own: needs a file of prompts; name it, e.g. Own(path='questions.jsonl')")
    near = difflib.get_close_matches(name.lower(), [*suites, Own.name], n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(suites)}"
    raise ValueError(f"suite {name!r}: no such suite; {hint}")


__all__ = ["Own", "Policy", "Suite", "Twins", "Utility", "by_name"]
