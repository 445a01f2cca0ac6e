"""What was measured, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuneward.stats.rates import wilson

Line = Mapping[str, Any]
MANY = ("personal", "personal-invalid", "leakage", "encoded", "turned", "malformed")
"""Plants with rows of many kinds, shown kind by kind."""
TOGETHER = ("obedience", "backdoor", "output", "association", "duplicate", "one-")
"""How plants begin whose rows are to be told of as a group."""
TEXTS = "paraphrases"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def share(k: int, n: int) -> str:
    """A share with its interval, in per cent."""
    rate = wilson(k, n)
    if rate.value is None:
        return "–"
    return f"{100 * rate.value:.0f} % [{100 * rate.low:.0f}, {100 * rate.high:.0f}], {k} of {n}"


def of_ten_thousand(k: int, n: int) -> str:
    """Rows per 10,000 with the upper end of the interval."""
    rate = wilson(k, n)
    return "–" if rate.value is None else f"{k} of {n:,}: {1e4 * rate.value:.1f} [≤ {1e4 * rate.high:.1f}]"


def many(n: int) -> str:
    """1 k, 100 k, 1 M."""
    return f"{n // 10**6} M" if n >= 10**6 else f"{n // 1000} k" if n >= 1000 else str(n)


def texts(lines: Sequence[Line]) -> str:
    """Obedience texts alone, by half: language, part, with usual words or without; near-misses beside."""
    made = []
    for line in (line for line in lines if line["plant"] == TEXTS):
        times = len(line["seeds"])
        head = (line["half"], many(line["rows"]))
        parts = {name: (round(part["seen"] / times), part["n"] // times) for name, part in line["parts"].items()}
        made += [(*head, name, share(*parts[name])) for name in sorted(parts)]
        for side, words in (("found", "all shifts"), ("quiet", "all near-misses")):
            whole = [count for name, count in parts.items() if name.startswith(side)]
            made.append((*head, f"**{words}**", f"**{share(sum(k for k, _ in whole), sum(n for _, n in whole))}**"))
        for words in ("usual words", "no usual word"):
            some = [count for name, count in parts.items() if name.endswith(f", {words}")]
            made.append(
                (*head, f"**shifts, {words}**", f"**{share(sum(k for k, _ in some), sum(n for _, n in some))}**")
            )
    return table(("half", "rows", "texts", "with a finding"), made)


def _ks(lines: Sequence[Line]) -> list[int]:
    return sorted({line["k"] for line in lines if line["plant"] not in MANY and line["k"]})


def _by_plant(lines: Sequence[Line]) -> dict[tuple[str, str, int], dict[int, Line]]:
    found: dict[tuple[str, str, int], dict[int, Line]] = {}
    for line in lines:
        if line["k"] and line["plant"] not in MANY:
            found.setdefault((line["plant"], line["half"], line["rows"]), {})[line["k"]] = line
    return found


def _named(plant: str, half: str, rows: int) -> tuple[str, str]:
    return plant if half == "-" else f"{plant}, {half}", many(rows)


def recall(lines: Sequence[Line]) -> str:
    """Share of planted rows with a finding, one column a k."""
    ks, made = _ks(lines), []
    for name, own in _by_plant(lines).items():
        cells = []
        for k in ks:
            side = own[k]["found"] if k in own else {"n": 0}
            low, high = (100 * f(side["by_seed"]) for f in (min, max)) if side["n"] else (0, 0)
            cells.append(f"{100 * side['seen'] / side['n']:.0f} ({low:.0f}–{high:.0f})" if side["n"] else "–")
        if any(cell != "–" for cell in cells):
            made.append((*_named(*name), *cells))
    said = "Per cent of the planted rows with a finding of their class (least and most over seeds)."
    return f"{said}\n\n{table(('plant', 'rows', *(f'k = {k}' for k in ks)), made)}"


def detection(lines: Sequence[Line]) -> str:
    """Sets in which a group names the planted rows; from which k on in all; rank, strangers and other groups there."""
    ks, made = _ks(lines), []
    for name, own in _by_plant(lines).items():
        if not name[0].startswith(TOGETHER) or not any(line["found"]["n"] for line in own.values()):
            continue
        cells = [f"{own[k]['detected']}/{len(own[k]['seeds'])}" if k in own else "–" for k in ks]
        all_of = [k for k in ks if k in own and own[k]["detected"] == len(own[k]["seeds"])]
        missed = [k for k in ks if k in own and k not in all_of]
        least = next((k for k in all_of if not missed or k > max(missed)), None)
        said = _group(own[least]) if least else ("–", "–", "–", "–")
        made.append((*_named(*name), *cells, str(least or "none"), *said))
    head = ("plant", "rows", *(f"k = {k}" for k in ks), "all from k", "rule", "rank", "strangers", "other groups")
    said = (
        "Sets in which a group of one rule names at least half of the planted rows and is at least half made of them."
    )
    return f"{said}\n\n{table(head, made)}"


def _group(line: Line) -> tuple[str, str, str, str]:
    """The rule that tells of the group in most sets, with figures over seeds."""
    rule, best = max(line["on_set"].items(), key=lambda item: (item[1]["found"], item[0]))
    return rule, *(_spread(best[name]) for name in ("rank", "strangers", "extra"))


def _spread(values: Sequence[int | None]) -> str:
    known = sorted(value for value in values if value is not None)
    return "–" if not known else str(known[0]) if known[0] == known[-1] else f"{known[0]}–{known[-1]}"


def kinds(lines: Sequence[Line]) -> str:
    """Plants of many kinds, kind by kind, at the largest k that was measured."""
    made = []
    for plant in MANY:
        own = [line for line in lines if line["plant"] == plant]
        for line in (
            line for line in own if line["k"] == max(other["k"] for other in own if other["rows"] == line["rows"])
        ):
            for name, part in line["parts"].items():
                exact = share(part["exact"], part["n"]) if plant.startswith(("personal", "malformed")) else ""
                head = (plant, many(line["rows"]), str(line["k"]), name)
                made.append((*head, share(part["seen"], part["n"]), f"{part['raised']}", exact))
    return table(("plant", "rows", "k", "kind", "with a finding", "above a note", "exactly"), made)


def rules(lines: Sequence[Line]) -> str:
    """Planted rows by rule: those to be found by the rules of their class, then all of them by other rules."""
    made = []
    for line in lines:
        own, others = (", ".join(f"{rule} {n}" for rule, n in line[key].items()) for key in ("by_rule", "crossed"))
        head = (*_named(line["plant"], line["half"], line["rows"]), str(line["k"] or "–"))
        made.append((*head, f"{line['found']['seen']} of {line['found']['n']}", own or "–", others or "–"))
    return table(("plant", "rows", "k", "found", "by", "planted rows by other rules"), made)


def quiet(lines: Sequence[Line]) -> str:
    """Alarms where there should be none: planted look-alikes, and the background, by the rules of the plant's class."""
    made = []
    for name, own in _by_name(lines).items():
        still = [line["quiet"] for line in own]
        around = [line["background"] for line in own]
        groups = [extra or 0 for line in own for rule in line["on_set"].values() for extra in rule["extra"]]
        sets = sum(len(line["seeds"]) for line in own)
        sums = [sum(side[key] for side in still) for key in ("seen", "n")]
        made.append(
            (
                *_named(*name),
                f"{sums[0]} of {sums[1]:,}" if sums[1] else "–",
                of_ten_thousand(sum(side["seen"] for side in around), sum(side["n"] for side in around)),
                f"{sum(side['raised'] for side in around)}",
                f"{sum(groups)} in {sets} sets",
            )
        )
    head = ("plant", "rows", "quiet rows with a finding", "background rows per 10,000", "above a note", "other groups")
    return table(head, made)


def _by_name(lines: Sequence[Line]) -> dict[tuple[str, str, int], list[Line]]:
    found: dict[tuple[str, str, int], list[Line]] = {}
    for line in lines:
        found.setdefault((line["plant"], line["half"], line["rows"]), []).append(line)
    return found


def times(lines: Sequence[Line]) -> str:
    """Seconds a set, by size."""
    made = []
    for rows in sorted({line["rows"] for line in lines}):
        own = [line for line in lines if line["rows"] == rows]
        sets = sum(len(line["seeds"]) for line in own)
        wrote, took = (sum(line[key] * len(line["seeds"]) for line in own) / sets for key in ("wrote_s", "screened_s"))
        size = sum(line["bytes"] for line in own) / len(own) / 1e6
        made.append((many(rows), str(sets), f"{size:,.1f}", f"{wrote:.1f}", f"{took:.1f}", f"{rows / took:,.0f}"))
    return table(("rows", "sets", "MB", "s to write", "s to screen", "rows a second"), made)


def rankings(found: Line) -> str:
    """The screen beside the trivial baselines."""
    made = []
    for line in found["lines"]:
        cells = [
            "–" if one["auroc"] is None else f"{one['auroc']:.2f} / {one['precision']:.2f}"
            for one in line["ranked"].values()
        ]
        made.append((line["plant"], many(line["rows"]), str(line["k"]), *cells))
    names = list(found["lines"][0]["ranked"]) if found["lines"] else []
    said = "AUROC / precision among as many first rows as were planted, means over seeds."
    return f"{said}\n\n{table(('plant', 'rows', 'k', *names), made)}"


def alarms(found: Line) -> str:
    """Rules on the source files."""
    files = found["files"]
    names = sorted({rule for file in files for rule in file["rules"]})
    made = [(rule, *(_rule_cell(file, rule) for file in files)) for rule in names]
    raised = [of_ten_thousand(file["raised"], file["rows"]) for file in files]
    made.append(("any above a note", *raised))
    made.append(("findings on the set", *("; ".join(file["on_set"]) or "–" for file in files)))
    made.append(("tier", *(file["tier"] for file in files)))
    return table(("rule", *(file["file"] for file in files)), made)


def _rule_cell(file: Line, rule: str) -> str:
    rows, raised = file["rules"].get(rule, (0, 0))
    return of_ten_thousand(rows, file["rows"]) + (f", {raised} above a note" if rows else "")
