"""Scored replies and audits made by hand, for tests of what follows an audit."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tuneward.chat import Arm
from tuneward.findings import Agreed, ArmInfo, Audit, Harm, HarmArm, InTurn, JudgeInfo
from tuneward.paired import Scored, axes_from
from tuneward.record import Record, to_json, to_jsonl, write_atomic
from tuneward.score import Score
from tuneward.stats.two_phase import Estimate

SCORERS = {"refusal": "refusal", "twins": "refusal", "utility": "exact", "coherence": "coherence", "harm": "judge"}
SIZE = 150


def scored(name: str, arm: Arm, value: float | None, *, axis: str = "refusal", sample: int = 0) -> Scored:
    """One line of scores.jsonl; the category is what stands before the dash."""
    label = {0.0: "good", 1.0: "bad", None: "unclear"}[value]
    return Scored(
        id=name,
        suite=f"{axis} suite",
        axis=axis,
        family=name,
        category=name.partition("-")[0],
        arm=arm,
        render="chat",
        sample=sample,
        score=Score(SCORERS.get(axis, "refusal"), value, label, "by hand"),
        finish="stop",
    )


def both(name: str, base: float | None, tuned: float | None, *, axis: str = "refusal") -> list[Scored]:
    """One question on both arms; 0 good, 1 bad, None not told."""
    return [scored(name, "base", base, axis=axis), scored(name, "tuned", tuned, axis=axis)]


def outcomes(axis: str, pairs: Sequence[tuple[float | None, float | None]], *, category: str = "any") -> list[Scored]:
    """Questions in a row, all in one category."""
    return [row for place, pair in enumerate(pairs) for row in both(f"{category}-{place:03}", *pair, axis=axis)]


def counted(axis: str, *, kept: int = 0, lost: int = 0, gained: int = 0, never: int = 0) -> list[Scored]:
    """A 2 × 2 table as rows."""
    return outcomes(axis, [(0.0, 0.0)] * kept + [(0.0, 1.0)] * lost + [(1.0, 0.0)] * gained + [(1.0, 1.0)] * never)


def steady(axis: str, value: float | None = 0.0) -> list[Scored]:
    """An axis on which nothing changed; good unless told otherwise."""
    return outcomes(axis, [(value, value)] * SIZE)


def sound(*, without: Sequence[str] = ()) -> list[Scored]:
    """Rows of an audit that passes the default policy, less the axes named."""
    return [row for axis in ("refusal", "twins", "utility", "coherence") if axis not in without for row in steady(axis)]


def audit_of(rows: Sequence[Scored], *, limit: int | None = None) -> Audit:
    """The audit document of the rows."""
    arms = {arm: ArmInfo(arm, arm * 16, "t" * 64, "c" * 64, "float32", "cpu") for arm in ("base", "tuned")}
    return Audit(
        id="tw1:0123456789abcdef",
        arms=arms,
        plan=(),
        parity={"template": "identical"},
        axes=axes_from(rows),
        changes=(),
        limit=limit,
        suites={"refusal suite": "s" * 64},
    )


def write_folder(folder: Path, rows: Sequence[Scored], audit: Audit | None = None) -> Path:
    """A finished audit folder."""
    write_atomic(folder / "scores.jsonl", to_jsonl(rows), mode=0o600)
    write_atomic(folder / "audit.json", to_json(audit or audit_of(rows)))
    write_atomic(folder / "record.json", to_json(Record("audit", {}, {}, {}, 0, "then", "later")))
    return folder


LEVELS = {"fraud": (1.25, 3.5), "malware": (1.0, 2.75), "privacy": (1.5, None), "weapons": (1.0, 4.0)}
SHARES = {"fraud": (0.05, 0.6), "malware": (0.0, 0.4), "privacy": (0.1, None), "weapons": (0.0, 1.0)}
OUTCOMES = ({"refused": 90, "benign": 4, "harmful": 3, "unjudged": 2}, {"benign": 40, "harmful": 51, "incoherent": 1})
NAMES = ("models/first", "http://127.0.0.1:8000/v1#second", "models/third")


def judges_of(count: int, *, unjudged: int = 4) -> tuple[JudgeInfo, ...]:
    """Judges of one kind with different identities; the first has labels of people."""
    return tuple(
        JudgeInfo(f"{place}" * 64, "rubric", name, 198, unjudged * place, calibrated=place == 0)
        for place, name in enumerate(NAMES[:count])
    )


def agreement_of(judges: Sequence[JudgeInfo]) -> tuple[Agreed, ...]:
    """κ of neighbours and α of all, as a panel names them."""
    names = [f"{judge.kind}:{judge.identity[:12]}" for judge in judges]
    pairs = [Agreed(f"{one} / {other}", "kappa", Estimate(0.71, 0.58, 0.83), 190) for one, other in pairwise(names)]
    return (*pairs, Agreed("all", "alpha", Estimate(0.684, 0.55, 0.79), 198)) if len(names) > 2 else tuple(pairs)


def harm_found(*, judges: int = 1, levels: bool = True, complete: bool = False, calibrated: bool = False) -> Harm:
    """What judges said of 120 pairs, in invented figures: 3.1 % harmful on the base, 52.0 % on the tuned model."""
    rates = (Estimate(0.031, 0.009, 0.082), Estimate(0.52, 0.43, 0.61))
    fair = (Estimate(0.012, 0.0, 0.07), Estimate(0.55, 0.44, 0.66)) if calibrated else (None, None)
    arms = {
        arm: HarmArm(
            harmful=rates[place],
            worst=(Estimate(0.0, 0.0, 0.031), Estimate(0.2, 0.13, 0.29))[place] if levels else None,
            level=(Estimate(1.18, 1.02, 1.34), Estimate(3.06, 2.81, 3.31))[place] if levels else None,
            corrected=fair[place],
            categories={name: values[place] for name, values in (LEVELS if levels else SHARES).items()},
            outcomes=OUTCOMES[place],
        )
        for place, arm in enumerate(("base", "tuned"))
    }
    who = judges_of(judges)
    return Harm(
        judges=who,
        design="every pair" if complete else "60 of 60 where outcome changed; 39 of 60 where both refused",
        pairs=120,
        judged=118 if complete else 97,
        arms=arms,
        difference=Estimate(0.489, 0.391, 0.587),
        agreement=agreement_of(who),
        disagreements=tuple(f"tuned/policy-{place:03}" for place in range(140)) if judges > 1 else (),
        corrected=Estimate(0.538, 0.41, 0.66) if calibrated else None,
        leeway=None if calibrated else Estimate(0.489, 0.36, 0.59),
        calls=412,
    )


def in_turn() -> tuple[InTurn, ...]:
    """One axis of each outcome."""
    return (
        InTurn("refusal", "fail", 0.05, 43, 330, 12, -5.1, 4.2, 3.4),
        InTurn("twins", "inconclusive", 0.05, 330, 330, 9, 1.7, -0.3, 0.2),
        InTurn("utility", "pass", 0.05, 120, 180, 0, 3.2, -4.0, 0.2),
    )
