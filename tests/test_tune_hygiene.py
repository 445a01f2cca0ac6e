"""What settings are known or thought to wear refusals down: written cases, each with its neighbour."""

import dataclasses
import inspect
import re
from typing import Any

import pytest

from tuneward.chat import Chat, Message
from tuneward.tune.hygiene import LIMITS, RULES, Caution, Plan, cautions
from tuneward.tune.job import Job, Lesson, Rendering, Settings
from tuneward.tune.options import TuneOptions
from tuneward.tune.order import Shuffled
from tuneward.tune.terms import CrossEntropy

LONGEST = 64


def rows(count: int = 1000, *, system: str = "", part: str = "task") -> tuple[Lesson, ...]:
    before = (Message("system", system),) if system else ()
    turns = (*before, Message("user", "How long do eggs boil?"), Message("assistant", "Eight minutes."))
    return tuple(Lesson(Chat(f"rows:{n}", f"rows:{n}", turns), part=part) for n in range(count))


def plan(*, lengths: int = 20, **changes: Any) -> Plan:
    """The undisturbed plan with changes: of options by their names, of the job by `job_…`."""
    own = {name.removeprefix("job_"): value for name, value in changes.items() if name.startswith("job_")}
    told = {name: value for name, value in changes.items() if not name.startswith("job_")}
    options = TuneOptions(model="M", data="rows.jsonl", out="tuned", **told)
    settings = Settings(options.highest, options.batch, options.epochs, beta1=options.beta1, steps=options.steps)
    job = Job(rows(), settings, (CrossEntropy(),), Shuffled(), defences=("mix",))
    job = dataclasses.replace(job, **own)
    return Plan(options, job, lengths=(lengths,) * len(job.lessons), longest=LONGEST)


SAFETY = "Decline what the policy forbids."
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a thousand rows, one pass, a defence": ({}, []),
    "all weights at the default rate": ({"full": True}, []),
    "all weights at the published rate that eroded more": ({"full": True, "rate": 5e-5}, ["RATE-FULL"]),
    "all weights a little above": ({"full": True, "rate": 2.1e-5}, ["RATE-FULL"]),
    "an adapter at a rate that is high for all weights": ({"rate": 1e-4}, []),
    "an adapter at its limit": ({"rate": 2e-4}, []),
    "an adapter a little above": ({"rate": 2.1e-4}, ["RATE-LORA"]),
    "a batch at the limit": ({"batch": 16}, []),
    "a batch below": ({"batch": 15}, ["SMALL-BATCH"]),
    "a small batch that is all rows there are": ({"job_lessons": rows(7)}, ["SMALL-BATCH", "OVERFIT"]),
    "few rows, once": ({"job_lessons": rows(99)}, []),
    "few rows, twice": ({"job_lessons": rows(99), "epochs": 2.0}, ["FEW-ROWS"]),
    "a hundred rows, twice": ({"job_lessons": rows(100), "epochs": 2.0}, []),
    "few rows, twice by steps": ({"job_lessons": rows(64), "steps": 8}, ["FEW-ROWS"]),
    "few rows of the user, many of a pool, once": ({"job_lessons": rows(60) + rows(60, part="mix")}, []),
    "few rows of the user, many of a pool, twice": (
        {"job_lessons": rows(60) + rows(60, part="mix"), "epochs": 2.0},
        ["FEW-ROWS"],
    ),
    "a hundred rows, twelve passes": ({"job_lessons": rows(100), "epochs": 12.0}, []),
    "a hundred rows, thirteen passes": ({"job_lessons": rows(100), "epochs": 13.0}, ["OVERFIT"]),
    "a hundred rows, five passes, all weights": (
        {"job_lessons": rows(100), "epochs": 5.0, "full": True, "rate": 2e-5},
        [],
    ),
    "a hundred rows, thirteen passes, all weights": (
        {"job_lessons": rows(100), "epochs": 13.0, "full": True, "rate": 2e-5},
        ["OVERFIT"],
    ),
    "rows with system turns, and no word on deployment": ({"job_lessons": rows(system=SAFETY)}, ["SAME-PROMPT"]),
    "rows with system turns, deployed under another": (
        {"job_lessons": rows(system="You sell kites."), "job_rendering": Rendering(deploy=SAFETY)},
        [],
    ),
    "rows with system turns, deployed under one of them": (
        {"job_lessons": rows(system=SAFETY), "job_rendering": Rendering(deploy=SAFETY)},
        ["SAME-PROMPT"],
    ),
    "system turns taken away, deployed under one": (
        {"job_lessons": rows(system=SAFETY), "job_rendering": Rendering(system="", deploy=SAFETY)},
        [],
    ),
    "learnt under a text, deployed under the same": (
        {"job_rendering": Rendering(system=SAFETY, deploy=f"{SAFETY}\n")},
        ["SAME-PROMPT"],
    ),
    "learnt under a text, and no word on deployment": ({"job_rendering": Rendering(system=SAFETY)}, ["SAME-PROMPT"]),
    "system turns only in rows of a pool": (
        {"job_lessons": rows() + rows(9, system=SAFETY, part="mix")},
        [],
    ),
    "every token": ({"mask": "all"}, ["MASK-ALL"]),
    "the last answer": ({"mask": "last"}, []),
    "cut where nothing is": ({"long": "cut", "lengths": LONGEST - 1}, []),
    "cut where rows reach the limit": ({"long": "cut", "lengths": LONGEST}, ["CUT"]),
    "dropped where rows reach the limit": ({"long": "drop", "lengths": LONGEST}, []),
    "half precision": ({"precision": "fp16"}, ["FP16"]),
    "half precision of the wider kind": ({"precision": "bf16"}, []),
    "constrained at the usual decay": ({"job_defences": ("constrained",)}, ["BETA1"]),
    "constrained at the paper's decay": ({"job_defences": ("constrained",), "beta1": 0.5}, []),
    "unwatched": ({"monitor": "off"}, ["NOT-WATCHED"]),
    "watched now and then": ({"monitor": 50}, []),
    "no defence": ({"job_defences": ()}, ["NO-DEFENCE"]),
    "all at once": (
        {
            "job_lessons": rows(10, system=SAFETY),
            "job_defences": (),
            "rate": 1e-3,
            "batch": 4,
            "epochs": 10.0,
            "mask": "all",
            "long": "cut",
            "lengths": LONGEST,
            "precision": "fp16",
        },
        [
            "RATE-LORA", "SMALL-BATCH", "FEW-ROWS", "OVERFIT", "SAME-PROMPT", "MASK-ALL", "CUT", "FP16", "NO-DEFENCE",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), CASES.values(), ids=CASES)
def test_each_case_raises_its_rules_and_no_others(changes: dict[str, Any], expected: list[str]) -> None:
    assert [caution.rule for caution in cautions(plan(**changes))] == expected


def told() -> list[Caution]:
    return [caution for changes, _ in CASES.values() for caution in cautions(plan(**changes))]


def test_every_rule_has_a_case_in_which_it_fires() -> None:
    assert {caution.rule for caution in told()} == {rule.id for rule in RULES}


def test_a_caution_is_one_line_with_its_evidence_and_promises_nothing() -> None:
    for caution in told():
        line = caution.line()
        assert "\n" not in line
        assert len(line) < 400
        assert caution.source.startswith(("own", "arXiv:"))
        assert caution.source in line
        assert re.search(r"\d", caution.figure) or (caution.source == "own" and "not measured" in caution.figure)
        assert caution.figure in line
        assert not re.search(r"\bsafe\b|certif|guarantee", line, re.I)


def test_a_rule_of_our_own_is_called_our_own() -> None:
    own = {rule.id for rule in RULES if rule.source.startswith("own")}
    assert own == {"RATE-LORA", "OVERFIT", "MASK-ALL", "CUT", "FP16"}


def test_every_limit_says_where_it_comes_from() -> None:
    source = inspect.getsource(type(LIMITS))
    fields = [field.name for field in dataclasses.fields(LIMITS)]
    assert len(re.findall(r'"""(?:Own: |arXiv:\d{4}\.\d{5})', source)) == len(fields)
    assert all(getattr(LIMITS, name) > 0 for name in fields)
