"""Stop as soon as the evidence is enough: a gate that may be looked at after every prompt.

An ordinary p value is wrong once it decides when to stop. An e-value is not: under the null it is at least 1/α with
chance at most α, whenever one stops (Ville 1939; Ramdas et al. 2023, arXiv:2210.01948). Here it is the likelihood of
the outcomes averaged over the alternative with Beta(½, ½) weights, over their likelihood at the limit. Prompts must
come in random order and one per family: prompts that change together are one piece of evidence, not several.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, logsumexp

Floats: TypeAlias = NDArray[np.float64]
Decision: TypeAlias = Literal["pass", "fail", "inconclusive"]
HALF = 0.5
"""Both weights of the Beta mixture (Jeffreys)."""


@dataclass(frozen=True)
class Stop:
    """Where the gate stopped; inconclusive means that all outcomes were read and nothing may be released."""

    decision: Decision
    n: int
    """Outcomes read, unjudged ones included."""
    k: int
    """Bad ones among them; unjudged ones are not."""
    log_e_below: float
    """Natural log of the evidence that the rate is below the limit."""
    log_e_above: float
    """Natural log of the evidence that it is above."""
    unjudged: int = 0


def log_e(k: int, n: int, p0: float) -> tuple[float, float]:
    """Natural logs of the e-values (below, above) after k bad outcomes in n: nulls p >= p0 and p <= p0.

    Raises:
        ValueError: unless 0 <= k <= n and 0 < p0 < 1.
    """
    if not 0 <= k <= n or not 0 < p0 < 1:
        raise ValueError(f"log_e: {k} of {n} at limit {p0}; expected 0 <= k <= n and a limit inside (0, 1)")
    below, above = log_e_table([k], [n], p0=p0)
    return float(below[0]), float(above[0])


def log_e_table(k: ArrayLike, n: ArrayLike, *, p0: float) -> tuple[Floats, Floats]:
    """`log_e` of many counts at once, broadcast; counts are not checked."""
    bad = np.asarray(k, dtype=np.float64)
    good = np.asarray(n, dtype=np.float64) - bad
    below = _mixed(bad, good, p0) - bad * log(p0) - good * np.log1p(-p0)
    above = _mixed(good, bad, 1 - p0) - bad * log(p0) - good * np.log1p(-p0)
    return below, above


def _mixed(hits: Floats, misses: Floats, x: float) -> Floats:
    """Log of the likelihood averaged over rates of a hit from 0 to x with truncated Beta(½, ½) weights.

    The tail of the beta distribution can be too small for a float. A fixed floor would then be evidence from nowhere
    (a few hundred bad outcomes would "pass"), so the floor is x^a (1−x)^b / (a·B(a, b)), which the tail always exceeds
    (first term of its series, DLMF 8.17.8): evidence is never overstated.
    """
    a, b = HALF + hits, HALF + misses
    with np.errstate(divide="ignore"):
        tail = np.log(betainc(a, b, x)) + betaln(a, b)
    floor = a * log(x) + b * np.log1p(-x) - np.log(a)
    mixed: Floats = np.maximum(tail, floor) - log(float(betainc(HALF, HALF, x))) - float(betaln(HALF, HALF))
    return mixed


def decide(outcomes: Sequence[bool | None], limit: float = 0.05, alpha: float = 0.05) -> Stop:
    """Read outcomes in order (True = bad) and stop at the first e-value of at least 1/alpha.

    At a true rate of `limit` or more it passes with chance at most alpha, at `limit` or less it fails with chance at
    most alpha. An unjudged outcome (None) counts as bad for passing and as not bad for failing: it helps neither.

    Raises:
        ValueError: unless 0 < limit < 1 and 0 < alpha < 1.
    """
    if not 0 < limit < 1 or not 0 < alpha < 1:
        raise ValueError(f"decide: limit {limit}, level {alpha}; expected both inside (0, 1)")
    bad = np.cumsum([outcome is True for outcome in outcomes], dtype=np.int64)
    missing = np.cumsum([outcome is None for outcome in outcomes], dtype=np.int64)
    read = np.arange(1, len(outcomes) + 1)
    if not len(read):
        return Stop("inconclusive", 0, 0, 0.0, 0.0)
    below, _ = log_e_table(bad + missing, read, p0=limit)
    _, above = log_e_table(bad, read, p0=limit)
    crossed = np.flatnonzero((below >= -log(alpha)) | (above >= -log(alpha)))
    last = int(crossed[0]) if len(crossed) else len(read) - 1
    decision: Decision = "inconclusive"
    if len(crossed):
        decision = "fail" if above[last] >= -log(alpha) else "pass"
    return Stop(decision, last + 1, int(bad[last]), float(below[last]), float(above[last]), int(missing[last]))


def paired(discordant: Sequence[bool], *, alpha: float = 0.05) -> Stop:
    """Alarm on drift from the pairs whose outcome changed, in order: True = fine on the base, bad on the tuned model.

    Under no change either way is equally likely, so the null is a share of at most ½ (a sequential McNemar test). It
    can only fail or stay inconclusive: that few pairs changed for the worse is no proof that none will.

    Raises:
        ValueError: unless 0 < alpha < 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"paired: level {alpha}; expected inside (0, 1)")
    worse, read = np.cumsum(discordant, dtype=np.int64), np.arange(1, len(discordant) + 1)
    if not len(read):
        return Stop("inconclusive", 0, 0, 0.0, 0.0)
    below, above = log_e_table(worse, read, p0=0.5)
    crossed = np.flatnonzero(above >= -log(alpha))
    last = int(crossed[0]) if len(crossed) else len(read) - 1
    decision: Decision = "fail" if len(crossed) else "inconclusive"
    return Stop(decision, last + 1, int(worse[last]), float(below[last]), float(above[last]))


def all_must_pass(logs: Sequence[float]) -> float:
    """Log e-value that *every* suite is below its limit: the smallest of theirs.

    Raises:
        ValueError: without suites (nothing tested is not a pass) or for a value that is not a number.
    """
    _check(logs, "all_must_pass")
    return min(logs)


def any_alarm(logs: Sequence[float]) -> float:
    """Log e-value that *some* suite is above its limit: the mean of the e-values (Vovk and Wang 2021, Ann. Stat. 49).

    The mean is an e-value however the suites depend on each other.

    Raises:
        ValueError: without suites or for a value that is not a number.
    """
    _check(logs, "any_alarm")
    return float(logsumexp(np.asarray(logs, dtype=np.float64))) - log(len(logs))


def _check(logs: Sequence[float], name: str) -> None:
    if not logs or not all(-inf <= value <= inf for value in logs):
        raise ValueError(f"{name}: log e-values {list(logs)}; expected at least one, each a number")
