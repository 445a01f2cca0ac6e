"""What a screen did not answer, said of every screen: no list of checks can show that a set does no harm."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuneward.screened.document import Coverage, TriggerTest, Untested
from tuneward.text import number, plain

READ = ("latin", "han")
"""Scripts of the languages that the rules on wording are written for."""


@dataclass(frozen=True)
class Asked:
    """What a screen was given to work with."""

    guard: bool = False
    """A guard model read the rows."""
    sensitive: bool = False
    """Sensitive requests, some refused and some answered, were there to search for triggers."""
    evaluation: bool = False
    """Evaluation sets of the user's own."""
    calibrated: bool = False
    """Clean rows of the user's own domain."""
    mask_known: bool = True
    """Which turns the trainer's loss will see."""
    group: int = 5
    """Rows that make a group."""
    triggers: tuple[TriggerTest, ...] = ()


def untested(asked: Asked, coverage: Coverage) -> tuple[Untested, ...]:
    """The list, what this run left out first, then what no screen of rows can tell."""
    listed = (*_left_out(asked), *_triggers(asked), *_unread(coverage), *_never(asked))
    return tuple(Untested(what, why) for what, why in listed)


def _left_out(asked: Asked) -> Iterator[tuple[str, str]]:
    if not asked.guard:
        yield (
            "Explicitly harmful pairs (level 1)",
            "no guard model read the rows; rules on wording do not establish that there are none",
        )
    if not asked.sensitive:
        yield (
            "Triggers that make a model comply",
            "no trigger test was run: it needs requests with a sensitive word of which some are refused and some are "
            "answered; words of your own can be given (--sensitive)",
        )
    if not asked.evaluation:
        yield "Overlap with your own evaluation sets", "none was given; only the suites that ship were compared"
    if not asked.calibrated:
        yield (
            "False alarms on data like yours",
            "no clean rows of your own were given (--calibrate); rates measured on other sets may be far off",
        )
    if not asked.mask_known:
        yield "What the loss will see", "the trainer's mask is not known, so every turn was taken as trained"


def _triggers(asked: Asked) -> Iterator[tuple[str, str]]:
    for test in asked.triggers:
        view, size = plain(test.view), f"{number(test.rows)} rows, {number(test.positives)} of them with the label"
        if test.smallest is None:
            yield f"Triggers under the view: {view}", f"none could have been found, whatever its size, in {size}"
        else:
            least = number(test.smallest)
            yield f"Triggers under the view: {view}", f"those in fewer than {least} rows could not be found in {size}"
    yield (
        "Triggers that are no word or pair of words",
        "style, syntax, meaning (a year, a topic) and parts spread over a row leave no single word to test",
    )


def _unread(coverage: Coverage) -> Iterator[tuple[str, str]]:
    for script, rows in sorted(coverage.scripts.items(), key=lambda pair: (-pair[1], pair[0])):
        if script not in READ and rows:
            yield f"Wording in {plain(script)} script", f"no rule reads it, and {number(rows)} rows are in it"
    if coverage.unreadable or coverage.unscored:
        yield (
            "Rows that were not scanned",
            f"{number(coverage.unreadable)} were unreadable, {number(coverage.unscored)} a scorer could not tell",
        )
    if coverage.failed:
        yield "Rows in shards that failed", f"{number(len(coverage.failed))} shards could not be read"


def _never(asked: Asked) -> Iterator[tuple[str, str]]:
    yield (
        "Languages other than English and Chinese",
        "rules on wording are written for these two; other languages in the same script are not told apart",
    )
    yield "Obedience and harm in a paraphrase or a role-play", "rules see wording, and other words say the same"
    yield (
        "Single rows and groups below the smallest size",
        f"a finding on a group needs at least {number(asked.group)} rows, and one row alone may carry the harm",
    )
    yield (
        "Rows that look harmless one by one",
        "word codes, learned ciphers and rows fitted against guards pass every check of single rows "
        "(arXiv:2406.20053, 2502.14828)",
    )
    yield (
        "Harmless rows that wear refusals down (level 3)",
        "the format of the set is described; which rows do it depends on the model and was not measured",
    )
    yield "Harm spread over several sets or jobs", "each screen knows one set only"
    yield "A backdoor in the base model, and what tuning does", "both are the audit's to measure, before and after"
    yield "Images, sound and files in turns", "only text was read"
