"""The allow-list: findings that someone answers for until a day. They stay in the report and do not count."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath
from types import MappingProxyType

from tuneward.screened.finding import Finding
from tuneward.text import number, plain

NARROWING = ("row", "fingerprint", "token", "label", "file")
"""Keys of which an entry must have one at least; it covers what fits all that it has."""
NO_TOKENS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Allowed:
    """One `[[screen.allow]]`: a rule and what of it; a rule as a whole is set in `[screen.dispositions]`."""

    rule: str
    owner: str
    reason: str
    expires: date
    """The last day on which it holds."""
    row: str = ""
    """Id of a row."""
    fingerprint: str = ""
    """Of one finding; it stays the same while the rows behind it do."""
    token: str = ""
    """Word or words that a trigger search found, as the file has them."""
    label: str = ""
    """Kind within the rule."""
    file: str = ""
    """Path as the report has it, or its last part."""

    def __post_init__(self) -> None:
        for name in ("owner", "reason"):
            if not getattr(self, name).strip():
                raise ValueError(f"the allow entry for {self.rule} has no {name}; say who answers for it, and why")
        if not any(getattr(self, name) for name in NARROWING):
            raise ValueError(
                f"the allow entry names {self.rule} and nothing narrower; add one of {', '.join(NARROWING)}, "
                "or set the rule in [screen.dispositions]"
            )

    def covers(self, finding: Finding, token: str | None = None) -> bool:
        """Whether all that it names fits; `token` is the finding's own, where it is known."""
        file = finding.file or ""
        return (
            finding.rule == self.rule
            and self.row in ("", finding.row)
            and self.fingerprint in ("", finding.fingerprint)
            and self.token in ("", token)
            and self.label in ("", finding.label)
            and self.file in ("", file, PurePosixPath(file).name)
        )


def allowed(
    findings: Iterable[Finding], entries: Sequence[Allowed], *, today: date, tokens: Mapping[str, str] = NO_TOKENS
) -> list[Finding]:
    """The findings in their order, those that an entry of today covers with its name in `allowed_by`.

    `tokens` are the words behind findings on triggers, by fingerprint: no output holds them, so they are known only
    while the set is being counted. Without them an entry with a token covers nothing.
    """
    holding = defaultdict(list)
    for place, entry in enumerate(entries, 1):
        if today <= entry.expires:
            holding[entry.rule].append((name_of(entry, place), entry))

    def marked(finding: Finding) -> Finding:
        token = tokens.get(finding.fingerprint)
        names = (name for name, entry in holding.get(finding.rule, ()) if entry.covers(finding, token))
        name = next(names, None)
        return finding if name is None else replace(finding, allowed_by=name)

    return [marked(finding) for finding in findings]


def told(entries: Sequence[Allowed], used: Mapping[str, int], *, today: date) -> tuple[str, ...]:
    """A line for every entry, also for one that did nothing; `used` counts the findings by their `allowed_by`."""
    return tuple(_line(entry, place, used, today) for place, entry in enumerate(entries, 1))


def _line(entry: Allowed, place: int, used: Mapping[str, int], today: date) -> str:
    name = name_of(entry, place)
    head, _, who = name.partition(": ")
    line = f"{head}: {plain(entry.rule)}, {who}"
    count = used.get(name, 0)
    if today > entry.expires:
        return f"{line}: expired, ignored"
    if not count:
        return f"{line}: matches nothing"
    return f"{line}: {number(count)} findings do not count" if count > 1 else f"{line}: 1 finding does not count"


def name_of(entry: Allowed, place: int) -> str:
    """How findings and notes call an entry; places count from 1."""
    return f"screen.allow {place}: {plain(entry.owner)} until {entry.expires} ({plain(entry.reason)})"
