"""Seeds of one setting as one line of measured.json: counts, shares with intervals, and the spread over seeds.

Shares have Wilson intervals over all rows of all seeds, which takes rows for independent. The texts of `paraphrases`
are the same in every seed, so there each counts once. `by_seed` shows how much a share moves from seed to seed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from measure_sets import WITHOUT_K, Figures
from measure_truth import Count, OnSet

from tuneward.stats.rates import wilson

Line = dict[str, Any]
SIDES = ("found", "quiet")


def name_of(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a line is about."""
    return line["half"], line["plant"], line["rows"], line["k"]


def lines(figures: Iterable[Figures]) -> list[Line]:
    """One a setting, in order."""
    by_name: dict[tuple[Any, ...], list[Figures]] = {}
    for one in figures:
        case = one.case
        by_name.setdefault((case.half, case.plant, case.rows, case.k), []).append(one)
    return [_line(sorted(own, key=lambda f: f.case.seed)) for _, own in sorted(by_name.items())]


def joined(old: Sequence[Line], new: Sequence[Line]) -> list[Line]:
    """New lines in the place of old ones about the same."""
    return sorted({name_of(line): line for line in (*old, *new)}.values(), key=name_of)


def _line(own: Sequence[Figures]) -> Line:
    case = own[0].case
    return {
        "half": case.half,
        "plant": case.plant,
        "rows": case.rows,
        "k": case.k,
        "seeds": [one.case.seed for one in own],
        "beside": sorted({name for one in own for name in one.case.beside}),
        "code": sorted({one.code for one in own}),
        **{side: _side(own, side) for side in SIDES},
        "parts": _parts(own),
        "by_rule": _added(one.seen.by_rule for one in own),
        "crossed": _added(one.seen.crossed for one in own),
        "background": asdict(_sum(one.seen.background for one in own)),
        "around": _added(one.seen.around for one in own),
        "detected": sum(any(group.found for group in one.seen.on_set) for one in own),
        "on_set": _on_set(own),
        "smallest": {
            view: [one.smallest.get(view) for one in own] for view in sorted({v for o in own for v in o.smallest})
        },
        "tiers": dict(sorted(Counter(one.tier for one in own).items())),
        "bytes": round(fmean(one.bytes for one in own)),
        "wrote_s": round(fmean(one.wrote_s for one in own), 2),
        "screened_s": round(fmean(one.screened_s for one in own), 2),
    }


def _sum(counts: Iterable[Count]) -> Count:
    whole = Count()
    for count in counts:
        whole = whole.plus(count)
    return whole


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    whole: Counter[str] = Counter()
    for count in counts:
        whole.update(count)
    return dict(sorted(whole.items()))


def _side(own: Sequence[Figures], side: str) -> Line:
    """All planted rows that are to be found, or to stay quiet."""
    seeds = [_sum(c for name, c in one.seen.parts.items() if name.startswith(side)) for one in own]
    whole = _sum(seeds)
    times = len(own) if own[0].case.plant in WITHOUT_K[:1] else 1
    share = wilson(round(whole.seen / times), whole.n // times)
    by_seed = [round(one.seen / one.n, 4) if one.n else None for one in seeds]
    return {**asdict(whole), "share": _rounded((share.value, share.low, share.high)), "by_seed": by_seed}


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 4) for value in values]


def _parts(own: Sequence[Figures]) -> dict[str, Line]:
    names = sorted({name for one in own for name in one.seen.parts})
    return {name: asdict(_sum(one.seen.parts.get(name, Count()) for one in own)) for name in names}


def _on_set(own: Sequence[Figures]) -> dict[str, Line]:
    """By rule, one entry a seed; a rule without any group in a seed has not found it."""
    made = {}
    for rule in sorted({group.rule for one in own for group in one.seen.on_set}):
        told = [next((g for g in one.seen.on_set if g.rule == rule), None) for one in own]
        made[rule] = {
            "found": sum(bool(group and group.found) for group in told),
            **{name: [_field(group, name) for group in told] for name in ("rank", "named", "strangers", "extra")},
        }
    return made


def _field(group: OnSet | None, name: str) -> int | None:
    return None if group is None else getattr(group, name)
