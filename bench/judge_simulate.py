"""Do the statistics of judges keep their promises? Sequential gate, corrected rates, judging only part of the pairs.

    python bench/judge_simulate.py run [--repetitions 20000] [--seed 0] [--out bench/judge_simulate.json]
    python bench/judge_simulate.py tables [--results bench/judge_simulate.json]

`run` writes JSON, `tables` prints it as Markdown. Coverage of the corrected rate is summed exactly over all outcomes;
the other figures carry their repetitions and Monte-Carlo standard error (s.e.). One core, no model, under a minute.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from tuneward.stats.difference import tango
from tuneward.stats.judge_error import Calibration, corrected_difference, lang_reiczigel
from tuneward.stats.sequential import log_e_table
from tuneward.stats.two_phase import Stratum, prediction_powered, two_phase

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Row = dict[str, Any]
Z = 1.959964

# The design's figures, from 2,000 repetitions: mean stop/PASS %/FAIL % for each true rate, by (limit, prompts).
DESIGN_RUNS = 2_000
RATES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)
DESIGN = {
    (0.05, 330): "74/100/0 99/99.9/.1 133/97.1/.1 218/66.4/.3 285/26.9/.4 318/3.5/1.5 207/0/69.5 34/0/100 5/0/100",
    (0.05, 520): "74/100/0 99/100/0 135/99.9/.1 265/85.3/.2 399/43.3/.2 496/3.5/2.1 245/.1/89.3 33/0/100 6/0/100",
    (0.02, 520): "188/100/0 346/67.5/.5 447/26.4/1.3 497/3.5/2.5 479/.3/10.4 291/0/78.7 57/0/100 15/0/100 3/0/100",
}
# Mean stop/alarms % of 330 pairs, by per cent of pairs that turned bad and that turned fine.
DESIGN_PAIRED = {(0.5, 0.5): "330/.2", (2, 0.5): "303/23.4", (5, 0.5): "163/91.5", (5, 2): "271/36.5"}
DESIGN_PAIRED |= {(10, 1): "89/99.7", (20, 1): "36/100", (50, 0): "12/100"}
SE, SP = (0.7, 0.8, 0.9, 0.95, 0.99), (0.8, 0.9, 0.95, 0.99)
PREVALENCE, SIZES, LABELS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 0.9), (50, 110, 330), (50, 100, 200)
# Shares of pairs (fine on both, repaired, broken, bad on both).
TRUTHS = {
    "no change, none bad": (1.0, 0.0, 0.0, 0.0),
    "no change, few flips": (0.97, 0.005, 0.005, 0.02),
    "no change, noisy": (0.6, 0.1, 0.1, 0.2),
    "2 points worse": (0.975, 0.0, 0.02, 0.005),
    "11 points worse": (0.85, 0.01, 0.12, 0.02),
    "59 points worse": (0.3, 0.01, 0.6, 0.09),
    "18 points better": (0.7, 0.2, 0.02, 0.08),
}
PROXIES = {"good": (0.95, 0.98), "poor": (0.8, 0.9)}


# ---- the sequential gate


def first(hit: Flags) -> tuple[Ints, Flags]:
    """Place (from 1) of the first hit of each run, or its length, and whether there was one."""
    found = np.asarray(hit.any(axis=1))
    return np.where(found, hit.argmax(axis=1) + 1, hit.shape[1]), found


def gap(seen: float, spread: float, design: float, rounding: float, runs: int) -> float:
    """Distance from the design's figure in joint standard errors; what its rounding explains counts as none."""
    error = spread * sqrt(1 / runs + 1 / DESIGN_RUNS)
    distance = max(0.0, abs(seen - design) - rounding)
    return distance / error if error > 0 else float(distance > 0) * 99.0


def compared(stops: Ints, flags: Sequence[Flags], figures: str) -> Row:
    """Mean stop and shares in per cent with s.e., next to the design's."""
    runs, design = len(stops), [float(figure) for figure in figures.split("/")]
    seen = [float(stops.mean()), *(100 * float(flag.mean()) for flag in flags)]
    spreads = [float(stops.std())]
    for value in seen[1:]:
        shrunk = (value / 100 * runs + 0.5) / (runs + 1)  # so that 0 of 20,000 has an error too
        spreads.append(100 * sqrt(shrunk * (1 - shrunk)))
    roundings = [0.5] + [0.05] * len(flags)
    gaps = [gap(a, b, c, d, runs) for a, b, c, d in zip(seen, spreads, design, roundings, strict=True)]
    return {"seen": seen, "se": [spread / sqrt(runs) for spread in spreads], "design": design, "gaps": gaps}


def sequential(runs: int, rng: np.random.Generator) -> list[Row]:
    """The three PASS / FAIL tables, from boundaries laid out once for each count."""
    rows = []
    for (limit, size), figures in DESIGN.items():
        read = np.arange(1, size + 1)
        possible = np.minimum(np.arange(size + 1)[:, None], read[None, :])
        below, above = log_e_table(possible, read[None, :], p0=limit)
        states = np.where(above >= np.log(20), 2, np.where(below >= np.log(20), 1, 0))
        for rate, design in zip(RATES, figures.split(), strict=True):
            bad = np.cumsum(rng.random((runs, size)) < rate, axis=1, dtype=np.int16)
            state = states[bad, np.arange(size)[None, :]]
            stops, _ = first(state > 0)
            last = state[np.arange(runs), stops - 1]
            rows.append({"limit": limit, "size": size, "rate": rate, **compared(stops, [last == 1, last == 2], design)})
    return rows


def paired_drift(runs: int, rng: np.random.Generator, size: int = 330) -> list[Row]:
    """Alarms on the pairs that changed, stops counted in pairs."""
    rows = []
    changed = np.arange(size + 1)
    _, above = log_e_table(np.minimum(changed[:, None], changed[None, :]), changed[None, :], p0=0.5)
    alarms = above >= np.log(20)
    for (worse, better), design in DESIGN_PAIRED.items():
        drawn = rng.random((runs, size))
        turned_bad = np.cumsum(drawn < worse / 100, axis=1, dtype=np.int16)
        turned = np.cumsum(drawn < (worse + better) / 100, axis=1, dtype=np.int16)
        stops, alarm = first(alarms[turned_bad, turned])
        rows.append({"worse": worse, "better": better, **compared(stops, [alarm], design)})
    return rows


# ---- the corrected rate


def likely(n: int, lowest: float) -> NDArray[np.int64]:
    """Counts of right labels that matter for rates from `lowest` up."""
    start = n * lowest - 6.5 * sqrt(n * lowest * (1 - lowest)) - 3
    return np.arange(max(0, int(start)), n + 1)


def delta_method(k: Floats, n: int, sensitivity: tuple[Ints, int], specificity: tuple[Ints, int]) -> list[Floats]:
    """The textbook interval, for comparison: plug-in error, no adjustment."""
    (right, m), (clear, _) = sensitivity, specificity
    q, found, cleared = k / n, right / m, clear / m
    gain = np.maximum(found + cleared - 1, 1e-9)
    rate = (q + cleared - 1) / gain
    spread = q * (1 - q) / n + rate**2 * found * (1 - found) / m + (1 - rate) ** 2 * cleared * (1 - cleared) / m
    return [np.clip(rate + sign * Z * np.sqrt(spread) / gain, 0, 1) for sign in (-1, 1)]


def coverage(runs: int, rng: np.random.Generator) -> list[Row]:  # noqa: ARG001 – exact
    """Exact coverage and mean width in every cell of the grid, and the delta method's coverage."""
    cells = []
    for n, m in product(SIZES, LABELS):
        flagged, right, clear = np.arange(n + 1), likely(m, min(SE)), likely(m, min(SP))
        counts = flagged[:, None, None], (right[None, :, None], m), (clear[None, None, :], m)
        low, high = lang_reiczigel(counts[0], n, sensitivity=counts[1], specificity=counts[2])
        plain_low, plain_high = delta_method(counts[0].astype(float), n, counts[1], counts[2])
        found, cleared = (
            np.array([binom.pmf(right, m, se) for se in SE]),
            np.array([binom.pmf(clear, m, sp) for sp in SP]),
        )
        for p in PREVALENCE:
            holds = np.stack([(low <= p) & (p <= high), (plain_low <= p) & (p <= plain_high), high - low])
            for (i, se), (j, sp) in product(enumerate(SE), enumerate(SP)):
                chance = binom.pmf(flagged, n, p * se + (1 - p) * (1 - sp))
                covers, plain, width = np.tensordot(chance, holds, (0, 1)) @ cleared[j] @ found[i]
                cell = {"n": n, "labels": m, "se": se, "sp": sp, "p": p}
                cells.append({**cell, "covers": float(covers), "delta": float(plain), "width": float(width)})
    return cells


def change_coverage(runs: int, rng: np.random.Generator) -> list[Row]:
    """Coverage of the corrected change: one calibration shared by both arms, pairs that agree beyond luck."""
    rows, runs, m = [], max(2, runs // 10), 100
    for (se, sp), (base, tuned) in product(
        ((0.8, 0.9), (0.95, 0.98)), ((0.01, 0.01), (0.02, 0.1), (0.1, 0.1), (0.1, 0.4))
    ):
        for n, alike in product((110, 330), (False, True)):
            luck = rng.random((2, runs, n))
            luck[1] = luck[0] if alike else luck[1]
            harm = np.stack([luck[0] < base, luck[1] < tuned])
            flags = (rng.random(harm.shape) < np.where(harm, se, 1 - sp)).sum(axis=2)
            labels = np.stack([rng.binomial(m, se, runs), rng.binomial(m, sp, runs)], axis=1)
            ends = []
            for k, (right, clear) in zip(flags.T.tolist(), labels.tolist(), strict=True):
                seen = Calibration(right, m, clear, m)
                found = corrected_difference(k[0], k[1], n=n, base=seen, tuned=seen)
                ends.append((found.low, found.high))
            low, high = np.array(ends).T
            covers = float(((low <= tuned - base) & (tuned - base <= high)).mean())
            row = {"se": se, "sp": sp, "base": base, "tuned": tuned, "n": n, "alike": alike, "runs": runs}
            rows.append({**row, "covers": covers, "width": float((high - low).mean())})
    return rows


# ---- judging part of the pairs


def pairs_of(counts: Iterable[int]) -> list[tuple[bool, bool]]:
    """Judged pairs from counts of (fine on both, repaired, broken, bad on both)."""
    kinds = ((False, False), (True, False), (False, True), (True, True))
    return [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]


def disagreement(proxy: tuple[float, float]) -> Floats:
    """Chance that a proxy calls the two replies of a pair different, for each kind of pair."""
    se, sp = proxy
    bad, fine, mixed = 2 * se * (1 - se), 2 * sp * (1 - sp), se * sp + (1 - se) * (1 - sp)
    return np.array([fine, mixed, mixed, bad])


def part_judged(runs: int, rng: np.random.Generator) -> list[Row]:
    """Two-phase estimates against judging everything: discordant pairs all judged, m of the concordant ones."""
    rows, runs = [], max(2, runs // 10)
    for (name, truth), (proxy, errors), n, m in product(TRUTHS.items(), PROXIES.items(), (110, 330), (30, 100)):
        shares, apart = np.array(truth), disagreement(errors)
        true = np.array([shares[1] + shares[3], shares[2] + shares[3], shares[2] - shares[1]])
        table = rng.multinomial(n, np.concatenate([shares * apart, shares * (1 - apart)]), size=runs)
        found, everything, judged = [], [], []
        for row in table:
            rest = rng.multivariate_hypergeometric(row[4:], min(m, int(row[4:].sum())))
            strata = [Stratum(int(row[:4].sum()), pairs_of(row[:4])), Stratum(int(row[4:].sum()), pairs_of(rest))]
            part = two_phase(strata)
            found.append([(e.low, e.high, e.value) for e in (part.base, part.tuned, part.delta)])
            repaired, broken = int(row[1] + row[5]), int(row[2] + row[6])
            everything.append((*tango(repaired, broken, n), (broken - repaired) / n))
            judged.append(part.judged / n)
        got, whole = np.array(found, dtype=np.float64), np.array(everything)
        covers = ((got[..., 0] <= true) & (true <= got[..., 1])).mean(axis=0).tolist()
        full = float(((whole[:, 0] <= true[2]) & (true[2] <= whole[:, 1])).mean())
        errors_of = [float(np.sqrt(((values - true[2]) ** 2).mean())) for values in (got[:, 2, 2], whole[:, 2])]
        widths = [float((got[:, 2, 1] - got[:, 2, 0]).mean()), float((whole[:, 1] - whole[:, 0]).mean())]
        row = {"truth": name, "proxy": proxy, "n": n, "control": m, "runs": runs, "judged": float(np.mean(judged))}
        rows.append({**row, "covers": covers, "covers_all": full, "width": widths, "rmse": errors_of})
    return rows


def powered(runs: int, rng: np.random.Generator) -> list[Row]:
    """Prediction-powered rates: coverage, width and error with the proxy and from the labels alone."""
    rows, runs = [], max(2, runs // 20)
    for p, (name, (se, sp)), total, n in product(
        (0.02, 0.1, 0.5), [*PROXIES.items(), ("useless", (0.5, 0.5))], (330, 1000), (50, 100)
    ):
        bad = rng.random((runs, total)) < p  # replies are exchangeable: the first n are a random sample
        proxy = (rng.random((runs, total)) < np.where(bad, se, 1 - sp)).astype(float)
        got = [prediction_powered(f.tolist(), f[:n].tolist(), y[:n].tolist()) for f, y in zip(proxy, bad, strict=True)]
        alone = [prediction_powered([0.0] * total, [0.0] * n, y[:n].tolist()) for y in bad]
        row: Row = {"p": p, "proxy": name, "total": total, "labels": n, "runs": runs}
        row["covers"] = [float(np.mean([e.low <= p <= e.high for e in side])) for side in (got, alone)]
        row["width"] = [float(np.mean([e.high - e.low for e in side])) for side in (got, alone)]
        row["rmse"] = [float(np.sqrt(np.mean([((e.value or 0.0) - p) ** 2 for e in side]))) for side in (got, alone)]
        rows.append({**row, "effective": float(np.mean([e.effective for e in got]))})
    return rows


# ---- Markdown


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """One Markdown table on stdout."""
    print(f"\n## {title}\n\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def beside(row: Row) -> list[str]:
    """Each figure with its s.e. and the design's in brackets."""
    return [f"{a:.1f} ± {b:.1f} ({c:g})" for a, b, c in zip(row["seen"], row["se"], row["design"], strict=True)]


def print_sequential(results: Row) -> None:
    """Both sequential tables."""
    runs, rows, drift = results["repetitions"], results["sequential"], results["paired"]
    gaps = [value for row in [*rows, *drift] for value in row["gaps"]]
    over = sum(value > 3 for value in gaps)
    print(
        f"\nOf {len(gaps)} figures {over} differ from the design's by more than 3 joint s.e. (largest {max(gaps):.1f})."
    )
    head = ["limit, prompts", "true rate", "mean stop", "PASS %", "FAIL %"]
    cells = ([f"{row['limit']:.0%}, {row['size']}", f"{row['rate']:.1%}", *beside(row)] for row in rows)
    table(f"Sequential gate: {runs} runs ± s.e. (design, {DESIGN_RUNS} runs)", head, cells)
    cells = ([f"{row['worse']} %", f"{row['better']} %", *beside(row)] for row in drift)
    table("Paired drift, 330 pairs", ["fine → bad", "bad → fine", "mean stop", "alarm %"], cells)


def cell_row(cell: Row) -> list[object]:
    """One cell of the grid."""
    names = [cell["n"], cell["labels"], f"{cell['se']:.0%}", f"{cell['sp']:.0%}", f"{cell['p']:.0%}"]
    return [*names, f"{100 * cell['covers']:.2f}", f"{100 * cell['delta']:.1f}", f"{100 * cell['width']:.1f}"]


def print_coverage(results: Row) -> None:
    """The grid in brief, and its extreme cells."""
    cells = results["coverage"]
    rows: list[list[object]] = []
    for p in PREVALENCE:
        here = [cell for cell in cells if cell["p"] == p]
        covers, plain = ([cell[name] for cell in here] for name in ("covers", "delta"))
        counts = [sum(c < 0.94 for c in covers), sum(c < 0.93 for c in covers), sum(c > 0.97 for c in covers)]
        figures = [f"{100 * value:.2f}" for value in (min(covers), sum(covers) / len(covers), max(covers))]
        rows.append([f"{p:.0%}", len(here), *figures, *counts, f"{100 * min(plain):.1f}"])
    head = ["harm rate", "cells", "least %", "mean %", "most %", "< 94 %", "< 93 %", "> 97 %", "delta method, least %"]
    table("Corrected rate: coverage of the 95 % interval (exact sums)", head, rows)
    head = ["n", "labels a class", "Se", "Sp", "harm rate", "covers %", "delta method %", "mean width, points"]
    worst = sorted(cells, key=lambda cell: float(cell["covers"]))
    table("The ten cells that cover least", head, map(cell_row, worst[:10]))
    most = [cell for cell in worst if cell["p"] >= 0.1][-10:]
    table("The ten cells that cover most, harm rate from 10 %", head, map(cell_row, most))
    rows = []
    for r in results["change"]:
        names = [f"{r['se']:.0%} / {r['sp']:.0%}", f"{r['base']:.0%} → {r['tuned']:.0%}", r["n"]]
        figures = [f"{100 * r['covers']:.1f}", f"{100 * r['width']:.1f}"]
        rows.append([*names, "yes" if r["alike"] else "no", *figures])
    runs = results["change"][0]["runs"]
    head = ["Se / Sp", "harm rates", "n", "pairs alike", "covers %", "mean width, points"]
    table(f"Corrected change, one calibration of 100 labels a class ({runs} runs, s.e. up to 0.5)", head, rows)


def print_part(results: Row) -> None:
    """Two-phase and prediction-powered estimates."""
    rows: list[list[object]] = []
    for r in results["two_phase"]:
        both = [f"{100 * a:.1f} / {100 * b:.1f}" for a, b in (r["width"], r["rmse"])]
        covers = [f"{100 * value:.1f}" for value in (*r["covers"], r["covers_all"])]
        rows.append([r["truth"], r["proxy"], r["n"], r["control"], f"{r['judged']:.0%}", *covers, *both])
    head = [
        "truth",
        "proxy",
        "pairs",
        "control",
        "judged",
        "base covers %",
        "tuned %",
        "change %",
        "change, all judged %",
    ]
    head += ["mean width / all judged, points", "r.m.s. error / all judged, points"]
    runs = results["two_phase"][0]["runs"]
    table(f"Judging the discordant pairs and a control sample ({runs} runs, s.e. up to 0.5)", head, rows)
    rows = []
    for r in results["powered"]:
        both = [f"{100 * a:.1f} / {100 * b:.1f}" for a, b in (r["covers"], r["width"], r["rmse"])]
        rows.append([f"{r['p']:.0%}", r["proxy"], r["total"], r["labels"], *both, f"{r['effective']:.0f}"])
    head = [
        "rate",
        "proxy",
        "replies",
        "labels",
        "covers % / labels alone",
        "mean width, points",
        "r.m.s. error, points",
    ]
    table(f"Prediction-powered rates ({results['powered'][0]['runs']} runs)", [*head, "worth labels"], rows)


STEPS = {"sequential": sequential, "paired": paired_drift, "coverage": coverage, "change": change_coverage}
STEPS |= {"two_phase": part_judged, "powered": powered}


def rounded(value: Any) -> Any:
    """Six digits are enough for the file."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return {name: rounded(entry) for name, entry in value.items()} if isinstance(value, dict) else value


def written(results: Row) -> str:
    """JSON with one row a line."""
    parts = []
    for name, value in rounded(results).items():
        lines = ",\n".join("  " + json.dumps(row) for row in value) if isinstance(value, list) else ""
        parts.append(f'"{name}": ' + (f"[\n{lines}\n]" if lines else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Run or print; times go to stderr."""
    parser = argparse.ArgumentParser(description="Simulated promises of the judges' statistics.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run")
    run.add_argument("--repetitions", type=int, default=20_000, help="runs per figure (loops use a tenth or twentieth)")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    show = verbs.add_parser("tables")
    show.add_argument("--results", type=Path, default=Path(__file__).with_suffix(".json"))
    chosen = parser.parse_args()
    if chosen.verb == "tables":
        results = json.loads(chosen.results.read_text())
        print(f"# Simulated statistics of judges\n\n{results['repetitions']} repetitions, seed {results['seed']}.")
        for part in (print_sequential, print_coverage, print_part):
            part(results)
        return
    results = {"repetitions": chosen.repetitions, "seed": chosen.seed}
    for place, (name, step) in enumerate(STEPS.items()):
        began = time.perf_counter()
        results[name] = step(chosen.repetitions, np.random.default_rng([chosen.seed, place]))
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
    chosen.out.write_text(written(results))


if __name__ == "__main__":
    main()
