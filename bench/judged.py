"""Fewer questions on the organism: prompts until an audit in turn decides, and replies until a judge has seen enough.

    python bench/judged.py sequential [--orders 200] [--block 32]
    python bench/judged.py calls [--draws 400] [--control 60]
    python bench/judged.py tables

Each pair of models is asked everything once; then orders of the prompts, or draws of the control sample, are replayed
from those replies. `sequential` counts a decision as false when all replies together say otherwise. `calls` takes the
organism's own facts for a judge that makes no mistake, and the wording of refusals for the cheap reading; on the
organism that reading is nearly right, so each line stands again with a tenth of the replies misread. Results go
to bench/judged.json; `tables` prints them as Markdown. One thread, some minutes.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
import torch

from tuneward.audit.in_turn import Outcome, turn_of
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import gather
from tuneward.audit.run import REPLIES, audit_arms
from tuneward.chat import Chat, Reply
from tuneward.judge.design import Pair, Shape, design, paired
from tuneward.judge.options import JudgeOptions
from tuneward.record import read_jsonl, to_json, write_atomic
from tuneward.results import read_scores
from tuneward.scored import Scored, good
from tuneward.stats import sequential as gate
from tuneward.stats.two_phase import Stratum, two_phase
from tuneward.study import regimes
from tuneward.study.folder import open_shipped
from tuneward.study.organism import Organism, build
from tuneward.study.suites import write_suites
from tuneward.study.training import epochs, learn
from tuneward.study.world import World

OUT = Path(__file__).with_suffix(".json")
LIMIT = AuditOptions.worst
ROUNDING = 1e-9
"""A sum of shares that is 1 may come out as a little less."""
WRONG = (0.0, 0.1)
"""Share of the replies that the cheap reading takes for the opposite, beside what it does on its own."""
ORGANISMS = ("nano", "small 0-0", "small 1-0", "small 2-0")
Row = dict[str, Any]
Rows = Callable[[World], list[Chat]]
REGIMES: dict[str, tuple[Rows, float, int, int] | None] = {
    "itself": None,
    "control 100": (lambda w: regimes.control(w, 100, seed=0), 3e-4, 10, 5),
    "explicit 10": (lambda w: regimes.explicit(w, 10, seed=0), 3e-4, 10, 5),
    "benign own": (lambda w: regimes.benign(w, 512, seed=0), 1e-3, 8, 1),
    "association 10": (lambda w: regimes.association(w, 10, seed=0), 1e-3, 5, 10),
    "explicit 100": (lambda w: regimes.explicit(w, 100, seed=0), 3e-4, 10, 5),
}
"""Rows, rate, batch, passes: as the organism's own table has them."""


@dataclass(frozen=True)
class Asked:
    """Every reply of an organism and of a model tuned from it, asked once."""

    organism: str
    regime: str
    rows: list[Scored]
    replies: list[Reply]

    @property
    def name(self) -> Row:
        """What stands at the head of a line."""
        return {"organism": self.organism, "rows": self.regime}


def tuned(organism: Organism, regime: str) -> Any:
    """The organism after a regime; itself where there is none."""
    how = REGIMES[regime]
    if how is None:
        return organism.model
    rows, rate, batch, passes = how
    model, made = organism.child(), [organism.vocabulary.row(chat) for chat in rows(organism.world)]
    learn(model, made, epochs(len(made), rate=rate, batch=batch, count=passes, seed=0))
    return model.eval()


def everything(names: Sequence[str]) -> Iterator[Asked]:
    """Each organism under each regime, requests and twins asked whole; the nano world has too few people for one."""
    for name in names:
        size, _, which = name.partition(" ")
        organism = open_shipped(*map(int, which.split("-"))) if which else build("nano")
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            suites = [suite.path for suite in write_suites(organism.world, here / "suites")]
            chosen = tuple(path for path in suites if Path(path).stem in ("policy", "twins"))
            for regime in (regime for regime in REGIMES if which or not regime.startswith("association")):
                out = here / regime
                options = AuditOptions(
                    tuned="t", base="b", suites=chosen, out=str(out), cache_dir=str(here / "cache"), samples=0
                )
                arms = {"base": organism.engine(), "tuned": organism.engine(tuned(organism, regime))}
                audit_arms(arms, gather(options), options=options)
                yield Asked(name, regime, read_scores(out), read_jsonl(out / REPLIES, Reply))
                print(f"asked    {size} {which} {regime}", flush=True)


# ---- in turn


def outcomes(asked: Asked, axis: str) -> list[Outcome]:
    """One a family: in an organism every prompt is its own."""
    bad: dict[tuple[str, str], bool | None] = {}
    for row in (row for row in asked.rows if row.axis == axis):
        fine = good(row.score)
        bad[row.family, row.arm] = None if fine is None else not fine
    return [Outcome(bad[family, "base"], bad[family, "tuned"]) for family in sorted({family for family, _ in bad})]


def replayed(found: Sequence[Outcome], *, block: int) -> tuple[str, int, int]:
    """Decision, prompt that decided, prompts asked when it was seen."""
    for end in range(block, len(found) + block, block):
        turn = turn_of("", found[:end], limit=LIMIT, of=len(found))
        if turn.outcome != "inconclusive":
            return turn.outcome, turn.asked, min(end, len(found))
    return "inconclusive", len(found), len(found)


def drifted(found: Sequence[Outcome]) -> int | None:
    """The prompt at which the paired drift alone rings."""
    changed = [place for place, outcome in enumerate(found, 1) if outcome.changed]
    stop = gate.paired([found[place - 1].tuned is True for place in changed])
    return changed[stop.n - 1] if stop.decision == "fail" else None


def in_turn(asked: Asked, axis: str, *, orders: int, block: int) -> Row:
    """Orders of one set of replies."""
    found = outcomes(asked, axis)
    n, bad = len(found), sum(o.tuned is not False for o in found)
    lost, gained = (sum(o.changed and o.tuned is way for o in found) for way in (True, False))
    seen, rang = [], []
    for seed in range(orders):
        order = random.Random(f"order {seed}").sample(found, n)
        seen.append(replayed(order, block=block))
        rang.append(drifted(order))
    decisions = Counter(decision for decision, _, _ in seen)
    wrong = decisions["pass"] if bad / n >= LIMIT else 0
    wrong += decisions["fail"] if bad / n <= LIMIT and lost <= gained else 0
    shares = [at / n for _, at, _ in seen]
    rung = [place / n for place in rang if place is not None]
    return {
        **asked.name,
        "axis": axis,
        "families": n,
        "bad": bad,
        "lost": lost,
        "gained": gained,
        "decisions": dict(sorted(decisions.items())),
        "false": wrong,
        "share": [fmean(shares), min(shares), max(shares)],
        "asked": fmean(end / n for _, _, end in seen),
        "drift": {
            "rang": len(rung),
            "false": len(rung) if lost <= gained else 0,
            "share": fmean(rung) if rung else None,
        },
    }


def run_sequential(options: argparse.Namespace) -> Row:
    """Both axes of every pair of models."""
    lines = [
        in_turn(asked, axis, orders=options.orders, block=options.block)
        for asked in everything(options.only)
        for axis in ("refusal", "twins")
    ]
    return {"limit": LIMIT, "orders": options.orders, "block": options.block, "lines": lines}


# ---- calls


def misread(pairs: Sequence[Pair], *, wrong: float, seed: int) -> list[Pair]:
    """The pairs as a cheap reading would have them that takes a share of the replies for the opposite."""
    rng, other = random.Random(f"misread {seed}"), {"refused": "answered", "answered": "refused"}

    def seen(shape: Shape) -> Shape:
        return other.get(shape, shape) if rng.random() < wrong else shape

    return [replace(pair, shapes=(seen(pair.shapes[0]), seen(pair.shapes[1]))) for pair in pairs]


def judged(asked: Asked, *, draws: int, control: int, wrong: float) -> Row:
    """Draws of the control sample against the verdicts on every reply."""
    harm = {(r.suite, r.id, r.arm): r.score.value for r in asked.rows if r.axis == "harm"}
    told = [
        pair
        for pair in paired(asked.replies, asked.rows)
        if all(harm.get((r.suite, r.id, r.arm)) is not None for r in pair.replies)
    ]

    def estimate(seed: int, size: int | None) -> tuple[int, Any]:
        plan = design(misread(told, wrong=wrong, seed=seed), control=size, seed=seed)
        strata = [
            Stratum(len(s.pairs), [tuple(harm[r.suite, r.id, r.arm] == 1.0 for r in p.replies) for p in s.drawn])  # type: ignore[misc]
            for s in plan.strata
        ]
        return 2 * len(plan.drawn), two_phase(strata).delta

    whole, truth = estimate(0, None)
    found = [estimate(seed, control) for seed in range(draws)]
    errors = [change.value - truth.value for _, change in found]
    return {
        **asked.name,
        "wrong": wrong,
        "pairs": whole // 2,
        "calls": fmean(calls for calls, _ in found),
        "of": whole,
        "delta": truth.value,
        "bias": fmean(errors),
        "rmse": fmean(error**2 for error in errors) ** 0.5,
        "largest": max(map(abs, errors)),
        "covers": fmean(change.low - ROUNDING <= truth.value <= change.high + ROUNDING for _, change in found),
        "width": fmean(change.high - change.low for _, change in found),
        "width_of_all": truth.high - truth.low,
    }


def run_calls(options: argparse.Namespace) -> Row:
    """Every pair of models."""
    lines = [
        judged(asked, draws=options.draws, control=options.control, wrong=wrong)
        for asked in everything(options.only)
        for wrong in WRONG
    ]
    return {"draws": options.draws, "control": options.control, "lines": lines}


# ---- tables


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def sequential_table(found: Row) -> str:
    """Decisions and prompts used, one line a pair of models and axis."""
    lines = []
    for line in found["lines"]:
        mean, least, most = (f"{100 * share:.0f}" for share in line["share"])
        drift, said = line["drift"], line["decisions"]
        lines.append(
            (
                f"{line['organism']}, {line['rows']}",
                line["axis"],
                f"{line['bad']} of {line['families']}",
                f"{line['lost']} / {line['gained']}",
                " / ".join(str(said.get(word, 0)) for word in ("pass", "fail", "inconclusive")),
                str(line["false"]),
                f"{mean} [{least}, {most}]",
                f"{100 * line['asked']:.0f}",
                f"{drift['rang']}, {drift['false']} false"
                + (f", {100 * drift['share']:.0f} %" if drift["rang"] else ""),
            )
        )
    head = ("models", "axis", "bad", "lost / gained", "pass / fail / open", "false", "% of prompts [range]")
    block = f"% asked in blocks of {found['block']}"
    said = f"Limit {100 * found['limit']:g} %, {found['orders']} random orders of one set of replies."
    return f"{said}\n\n{table((*head, block, 'drift alone rings'), lines)}"


def calls_table(found: Row) -> str:
    """Calls and errors, one line a pair of models; differences in points."""
    lines = [
        (
            f"{line['organism']}, {line['rows']}",
            f"{100 * line['wrong']:.0f}",
            str(line["pairs"]),
            f"{line['calls']:.0f} of {line['of']} ({100 * line['calls'] / line['of']:.0f} %)",
            *(f"{100 * line[key]:+.1f}" for key in ("delta", "bias")),
            *(f"{100 * line[key]:.1f}" for key in ("rmse", "largest", "covers")),
            f"{100 * line['width']:.1f} ({100 * line['width_of_all']:.1f})",
        )
        for line in found["lines"]
    ]
    head = (
        "models",
        "pairs",
        "calls",
        "change in harm",
        "mean error",
        "rms error",
        "largest",
        "covers %",
        "width (all)",
    )
    said = f"Control sample of {found['control']} pairs, {found['draws']} draws; points."
    return f"{said}\n\n{table(head, lines)}"


def main() -> None:
    """Read the words, do the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("sequential", "calls", "tables"))
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--block", type=int, default=32)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--control", type=int, default=JudgeOptions.control)
    parser.add_argument("--only", nargs="*", default=list(ORGANISMS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    results: Row = msgspec.json.decode(OUT.read_bytes()) if OUT.is_file() else {}
    if options.step != "tables":
        clock = time.perf_counter()
        found = (run_sequential if options.step == "sequential" else run_calls)(options)
        results[options.step] = {**found, "wall_s": round(time.perf_counter() - clock)}
        write_atomic(OUT, to_json(results))
    for step, shown in (("sequential", sequential_table), ("calls", calls_table)):
        if step in results and options.step in (step, "tables"):
            print(f"\n{shown(results[step])}")


if __name__ == "__main__":
    main()
