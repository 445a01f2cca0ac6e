"""Which models `policy` has been asked of (house method): a set by which models are chosen certifies none of them.

Every look at the certifying set lets a choice lean on it a little (the reusable holdout, arXiv:1506.02629). The record
holds digests and dates, stays on this machine, and is never a reason to refuse an audit; it warns.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from tuneward.findings import ArmInfo
from tuneward.record import now
from tuneward.suites import Policy, PolicyDev, Suite

FILE = "uses.jsonl"


@dataclass(frozen=True)
class Use:
    """One audit, or one candidate of a repair, that was asked the certifying set."""

    when: str
    audit: str
    base: str
    """Digest of the weights."""
    tuned: str


def certifies(suite: Suite) -> bool:
    """Whether a suite loses its worth by being looked at."""
    return isinstance(suite, Policy) and not isinstance(suite, PolicyDev)


def uses(cache: Path) -> list[Use]:
    """Every use recorded on this machine; a line that a crash cut short is left out.

    Raises:
        ValueError: the file holds something else.
    """
    file = cache / FILE
    if not file.is_file():
        return []
    whole = [line for line in file.read_bytes().splitlines() if line.endswith(b"}")]
    try:
        return [msgspec.json.decode(line, type=Use) for line in whole]
    except msgspec.DecodeError as error:
        raise ValueError(f"{file}: not a record of uses ({error}); move it away") from error


def warning(found: list[Use], *, base: ArmInfo, tuned: ArmInfo) -> str:
    """What to say when the set was asked of other models from the same base; empty when it was not."""
    others = {use.tuned: use.when for use in found if use.base == base.weights and use.tuned != tuned.weights}
    if not others or tuned.weights == base.weights:
        return ""
    models = "one other model" if len(others) == 1 else f"{len(others)} other models"
    return (
        f"policy was asked of {models} tuned from this base on this machine, first on {min(others.values())[:10]}: "
        "what is chosen by it, it does not certify; choose by policy-dev"
    )


def record(cache: Path, use: Use, *, found: list[Use]) -> None:
    """Add a use, unless this very audit is there; one short write of a line of its own, whatever was cut before it."""
    if any(one.audit == use.audit for one in found):
        return
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cache / FILE).open("ab") as file:
        file.write(b"\n" + msgspec.json.encode(use) + b"\n")


def use_of(audit: str, *, base: ArmInfo, tuned: ArmInfo) -> Use:
    """A use that happens now."""
    return Use(now(), audit, base.weights, tuned.weights)
