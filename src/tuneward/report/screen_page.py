"""From screen.json to one HTML page: no script at all, no network, and no words of the data unless it holds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuneward import text
from tuneward.outputs import screen_shown as shown
from tuneward.record import read_json, write_atomic
from tuneward.report import frame
from tuneward.screened.document import SCHEMA, InventoryCell, Screened
from tuneward.screened.finding import Finding
from tuneward.stats.rates import Rate

SCREENED, PAGE = "screen.json", "screen.html"
NAMED = 90
"""Characters of the file's name at the top."""
ENDINGS = ("refused", "complied", "partial", "unclear")


@dataclass(frozen=True)
class Seen:
    """A finding as it is shown: where, why, and the words only where they may be."""

    finding: Finding
    place: str
    where: tuple[str, ...]
    facts: tuple[str, ...]
    """Severity, disposition, statistic, whether the loss sees it."""
    excerpts: tuple[str, ...]


@dataclass(frozen=True)
class CellRow:
    """One kind of request: how its answers end, and the share refused."""

    name: str
    counts: tuple[int, ...]
    share: str
    ends: str


@dataclass(frozen=True)
class _Head:
    schema: str


def write_page(folder: Path, *, out: Path | None = None) -> Path:
    """Read the folder's screen, write the page (screen.html unless told), say where.

    Raises:
        FileNotFoundError, ValueError: as `read_screened` does, or `out` is a folder.
    """
    to = out or folder / PAGE
    frame.refuse_folder(to, example=PAGE)
    write_atomic(to, page(read_screened(folder)).encode())
    return to


def read_screened(folder: Path) -> Screened:
    """The document of a screen.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is broken, holds impossible figures, or was written by another version of the format.
    """
    path = folder / SCREENED
    schema = read_json(path, _Head).schema
    if schema != SCHEMA:
        raise ValueError(
            f"{path}: written as {schema!r}, this version reads {SCHEMA!r}; screen again or use its version"
        )
    screened = read_json(path, Screened)
    if not all(0 <= end <= 1 for rate in _rates(screened) for end in (rate.low, rate.high, rate.value or 0.0)):
        raise ValueError(f"{path}: holds a share beyond 100 %, so no screen wrote it")
    return screened


def _rates(screened: Screened) -> Iterator[Rate]:
    yield from (one.share for one in screened.rules)
    if screened.composition:
        yield from (screened.composition.lists, screened.composition.how_to, screened.composition.affirmative)


def page(screened: Screened) -> str:
    """The whole page; every figure in it stands in the document, and one document makes one page."""
    style = frame.own("page.css") + frame.own("screen.css")
    rules = shown.rule_rows(screened)
    made = (
        frame.environment()
        .get_template("screen.html.j2")
        .render(
            screened=screened,
            title=_title(screened),
            tier=shown.tier_words(screened),
            tone=shown.tone(screened),
            code=shown.code_words(screened),
            verdicts=shown.verdict_counts(screened),
            coverage=list(shown.coverage_rows(screened.coverage)),
            found=[row for row in rules if row.found],
            silent=[row for row in rules if not row.found],
            dataset=[_seen(one) for one in screened.dataset],
            examples=_examples(screened, rules),
            inventory=[_cell(cell) for cell in screened.inventory],
            endings=ENDINGS,
            composition=list(shown.composition_rows(screened.composition)) if screened.composition else [],
            triggers=[shown.trigger_words(test) for test in screened.triggers],
            shown=shown,
            style=style,
            policy=f"style-src '{frame.named(style)}'",
        )
    )
    return text.visible(made)


def _title(screened: Screened) -> str:
    if not screened.inputs:
        return "no file"
    first = shown.tail(text.plain(screened.inputs[0].file), NAMED)
    more = len(screened.inputs) - 1
    return f"{first} and {text.number(more)} more" if more else first


def _seen(finding: Finding) -> Seen:
    facts = (finding.severity, finding.disposition, shown.stat_words(finding), shown.trained_words(finding))
    withheld = finding.risk in shown.WITHHELD or finding.rule.startswith(shown.WITHHELD)
    told = () if withheld else tuple(one.excerpt for one in finding.evidence if one.excerpt is not None)
    return Seen(finding, shown.place(finding), tuple(shown.where(finding)), tuple(fact for fact in facts if fact), told)


def _examples(screened: Screened, rules: list[shown.RuleRow]) -> list[tuple[shown.RuleRow, int, list[Seen]]]:
    """Rule, its rows, and the first of them, in the order of the rules; examples of rules unknown to it come last."""
    groups: dict[str, list[Seen]] = {row.id: [] for row in rules}
    for one in screened.examples:
        groups.setdefault(one.rule, []).append(_seen(one))
    known = {row.id: row for row in rules}
    made = []
    for name, seen in groups.items():
        row = known.get(name) or shown.rule_row(name)
        counted = row.count.rows + row.count.allowed if row.count else 0
        if seen:
            made.append((row, max(counted, len(seen)), seen))
    return made


def _cell(cell: InventoryCell) -> CellRow:
    counts = shown.cell_counts(cell)
    share = shown.refused_share(cell)
    return CellRow(cell.category, counts, shown.fine(share.value, unit=""), shown.ends(share) if share.n else "")
