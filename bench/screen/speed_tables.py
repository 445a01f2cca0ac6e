"""Runs of speed.py as Markdown."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from speed_peers import PEERS

Row = dict[str, Any]
Arms = Mapping[tuple[str, str, int], Sequence[Row]]
"""Tool, set, workers → its runs."""
OURS = "tuneward"
ASKED = {"first pass, rows/s": 30_000, "end to end, rows/s": 20_000, "largest worker, MiB": 300e6 / 2**20}


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, and the range where there is more than one."""
    if not values:
        return "–"
    shown = [f"{value:,.{digits}f}" for value in (median(values), min(values), max(values))]
    return shown[0] if len(values) == 1 else f"{shown[0]} ({shown[1]}–{shown[2]})"


def chosen(runs: Sequence[Row], *, tool: str, size: str, workers: int) -> list[Row]:
    """Runs of one arm, by round."""
    found = [row for row in runs if (row["tool"], row["set"], row["workers"]) == (tool, size, workers)]
    return sorted(found, key=lambda row: row["round"])


def ratios(ones: Sequence[Row], others: Sequence[Row], of: str) -> list[float]:
    """Rows a second of the first over the second, round by round; `of`: wall_s or cpu_s."""
    return [
        (one["rows"] / one[of]) / (other["rows"] / other[of])
        for one in ones
        for other in others
        if one["round"] == other["round"]
    ]


def table(results: Row) -> str:
    """All of it as Markdown."""
    runs = results["runs"]
    names = list(dict.fromkeys((row["tool"], row["set"], row["workers"]) for row in runs))
    by_arm = {name: chosen(runs, tool=name[0], size=name[1], workers=name[2]) for name in names}
    parts = [_heading(results), _figures(by_arm), _asked(by_arm), _peers(by_arm), _agreement(results)]
    return "\n\n".join(part for part in parts if part)


def _rows(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rest))


def _heading(results: Row) -> str:
    where, loads = results["machine"], [row["load_before"] for row in results["runs"]]
    tools = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    return (
        f"{where['cpu']}, {where['cores']} cores, Python {where['python']}; {tools}; code {results['code']}; load "
        f"before a run {spread(loads, 1)}. Whole processes, median (smallest–largest)."
    )


def _figures(by_arm: Arms) -> str:
    head = "tool, rows, workers, wall s, CPU s, rows/s, MB/s, first pass s, first pass rows/s, largest worker MiB, "
    lines = [(head + "coordinator MiB, together MiB").split(", ")]
    for (tool, _, workers), rows in by_arm.items():
        cells = [tool, f"{rows[0]['rows']:,}", str(workers)]
        cells += [spread([row[name] for row in rows], 1) for name in ("wall_s", "cpu_s")]
        cells += [spread([row["rows"] / row["wall_s"] for row in rows])]
        cells += [spread([row["bytes"] / 1e6 / row["wall_s"] for row in rows], 1)]
        cells += [spread([row["first_s"] for row in rows if "first_s" in row], 1)]
        cells += [spread([row["rows"] / row["first_s"] for row in rows if row.get("first_s")])]
        cells += [spread([row["worker_mib"] for row in rows if row["worker_mib"] is not None])]
        lines.append([*cells, *(spread([row[name] for row in rows]) for name in ("coordinator_mib", "tree_mib"))])
    return _rows(lines)


def _asked(by_arm: Arms) -> str:
    """What was asked for beside what is, of the screen with several workers; memory also over the smaller set."""
    sizes = {size: rows for (tool, size, workers), rows in by_arm.items() if tool == OURS and workers > 1}
    large, small = sizes.get("large"), sizes.get("small")
    if not large:
        return ""
    values = (
        [row["rows"] / row["first_s"] for row in large if row.get("first_s")],
        [row["rows"] / row["wall_s"] for row in large],
        [row["worker_mib"] for row in large if row["worker_mib"] is not None],
    )
    lines = [[f"{large[0]['rows']:,} rows", "asked", "measured"]]
    for (name, asked), found in zip(ASKED.items(), values, strict=True):
        lines.append([name, f"{'at most' if 'MiB' in name else 'at least'} {asked:,.0f}", spread(found)])
    for name, field in (("largest worker", "worker_mib"), ("coordinator", "coordinator_mib")):
        if small and all(row[field] for row in (*large, *small)):
            flat = median(row[field] for row in large) / median(row[field] for row in small)
            lines.append([f"{name}, over that at {small[0]['rows']:,} rows", "flat", f"× {flat:.2f}"])
    return _rows(lines)


def _peers(by_arm: Arms) -> str:
    """The screen with everything over each peer with its part, and the other way round."""
    lines = [["peer", "its part of a screen's work", "wall, tuneward / peer", "peer / tuneward"]]
    lines[0] += ["CPU, tuneward / peer", "peer / tuneward"]
    for (tool, size, workers), rows in by_arm.items():
        own = by_arm.get((OURS, size, workers), ())
        kinds = [found for of in ("wall_s", "cpu_s") if (found := ratios(own, rows, of))]
        if tool != OURS and kinds:
            cells = [spread(part, 2) for found in kinds for part in (found, [1 / one for one in found])]
            lines.append([tool, PEERS[tool].does, *cells])
    note = "Ratios of rows a second, round by round: the screen doing all its work, the peer its part.\n\n"
    return note + _rows(lines) if len(lines) > 1 else ""


def _agreement(results: Row) -> str:
    """Which copies each tool names."""
    if not results.get("agreement") or "peers_given" not in results:
        return ""
    rows, given = results["agreement"], results["peers_given"]
    lines = [["tool", *(f"planted, {kind}" for kind in rows[0]["planted"]), "rows named", "also by tuneward"]]
    lines[0].append("of tuneward's")
    for row in rows:
        cells = [f"{found} of {of}" for found, of in row["planted"].values()]
        lines.append([row["tool"], *cells, f"{row['named']:,}", f"{row['both']:,}", f"{row['tuneward']:,}"])
    note = (
        f"Rows named as a copy of an earlier row. The peers were given {given['rows']:,} rows; {given['left_out']:,} "
        "that are no chat with text in UTF-8 were left out for them.\n\n"
    )
    return note + _rows(lines)
