"""Blends worked out by hand, and held against the same written down in float64."""

import math

import pytest
import torch
from torch import Tensor

from tuneward.blend.exempt import blended
from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.log_mix import LogMix

TUNED, GUIDE = (0.64, 0.32, 0.04), (0.04, 0.32, 0.64)


def logits(*rows: tuple[float, ...], shift: float = 2.5) -> Tensor:
    """Logits of these distributions, as a model gives them: off by a constant."""
    return torch.tensor(rows, dtype=torch.float64).log().add(shift).float()


def chances(found: Tensor) -> list[float]:
    return found[0].double().softmax(-1).tolist()


def test_the_geometric_mean_of_two_mirrored_distributions() -> None:
    """√(.64 · .04) = .16, √(.32 · .32) = .32, √(.04 · .64) = .16; their sum is .64."""
    found = LogMix(weight=0.5)(logits(TUNED), logits(GUIDE, shift=-7.0), 0)
    assert chances(found) == pytest.approx([0.25, 0.5, 0.25], abs=1e-6)


@pytest.mark.parametrize(
    ("amplify", "expected"),
    [
        (1.0, [0.0, 0.40 / 0.75, 0.35 / 0.75, 0.0, 0.0]),
        (3.0, [0.0, 0.70 / 1.45, 0.75 / 1.45, 0.0, 0.0]),
        (0.5, [0.0, 0.325 / 0.575, 0.25 / 0.575, 0.0, 0.0]),
    ],
)
def test_the_first_two_common_tokens(amplify: float, expected: list[float]) -> None:
    """Ranks 1 2 3 4 5 and 5 1 2 3 4: at k = 3 the two lists first share two tokens, the second and the third."""
    tuned, guide = logits((0.50, 0.25, 0.15, 0.06, 0.04)), logits((0.05, 0.40, 0.35, 0.12, 0.08))
    found = FirstTokens(first=5, top_k=2, common=2, amplify=amplify)(tuned, guide, 0)
    assert chances(found) == pytest.approx(expected, abs=1e-6)
    assert [math.isinf(value) for value in found[0].tolist()] == [True, False, False, True, True]


def test_a_token_pushed_below_nothing_is_gone() -> None:
    """.6 + 3 (.5 − .6) = .3, .3 + 3 (.1 − .3) < 0, .1 + 3 (.4 − .1) = 1."""
    found = FirstTokens(top_k=3, common=1, amplify=3.0)(logits((0.6, 0.3, 0.1)), logits((0.5, 0.1, 0.4)), 0)
    assert chances(found) == pytest.approx([0.3 / 1.3, 0.0, 1.0 / 1.3], abs=1e-6)


def test_where_all_common_tokens_are_pushed_below_nothing_the_guide_chooses_among_them() -> None:
    """Shared at k = 2: the first alone, .45 + 3 (.2 − .45) < 0; then two, and .4 + 3 (.2 − .4) < 0 as well."""
    found = FirstTokens(top_k=1, common=1, amplify=3.0)(logits((0.45, 0.45, 0.1)), logits((0.2, 0.15, 0.65)), 0)
    assert chances(found) == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    found = FirstTokens(top_k=1, common=2, amplify=3.0)(logits((0.45, 0.4, 0.15)), logits((0.2, 0.2, 0.6)), 0)
    assert chances(found) == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)


def test_the_gate_opens_above_its_distance() -> None:
    """Half of |.64 − .04| + 0 + |.04 − .64| is .6."""
    tuned, guide = logits(TUNED), logits(GUIDE)
    assert chances(Gated(threshold=0.59)(tuned, guide, 0)) == pytest.approx(GUIDE, abs=1e-6)
    assert torch.equal(Gated(threshold=0.61)(tuned, guide, 0), tuned)
    half = Gated(threshold=0.59, weight=0.5)(tuned, guide, 0)
    assert chances(half) == pytest.approx([0.25, 0.5, 0.25], abs=1e-6)


def test_exempt_tokens_keep_their_probability_and_the_others_share_the_rest() -> None:
    """The first is exempt: it keeps .2; the guide's other two stand as .025 to .075, of which .8 is given out."""
    tuned, guide = logits((0.2, 0.4, 0.4)), logits((0.9, 0.025, 0.075))
    found = blended(LogMix(weight=0.0), tuned, guide, step=0, exempt=torch.tensor([0]))
    assert chances(found) == pytest.approx([0.2, 0.2, 0.6], abs=1e-6)
    assert float(found.exp().sum()) == pytest.approx(1.0, abs=1e-6)


# the same in float64, written down without the library's own functions ------------------------------------------------


def reference_mix(tuned: list[float], guide: list[float], weight: float) -> list[float]:
    mixed = [math.exp(weight * math.log(t) + (1 - weight) * math.log(g)) for t, g in zip(tuned, guide, strict=True)]
    return [one / sum(mixed) for one in mixed]


def reference_first(tuned: list[float], guide: list[float], blend: FirstTokens) -> list[float]:
    """Lists grown by one token until enough are in both."""
    order = [sorted(range(len(p)), key=lambda n, p=p: -p[n]) for p in (tuned, guide)]
    size = blend.top_k
    while len(both := set(order[0][:size]) & set(order[1][:size])) < blend.common:
        size += 1
    pushed = {n: max(0.0, tuned[n] + blend.amplify * (guide[n] - tuned[n])) for n in both}
    if not sum(pushed.values()):
        pushed = {n: guide[n] for n in both}
    return [pushed.get(n, 0.0) / sum(pushed.values()) for n in range(len(tuned))]


@pytest.mark.parametrize("seed", range(12))
def test_as_the_reference_on_random_distributions(seed: int) -> None:
    torch.manual_seed(seed)
    tuned, guide = (torch.randn(1, 300) * 2.5 for _ in range(2))
    p, q = chances(tuned), chances(guide)
    for weight in (0.2, 0.5, 0.9):
        assert chances(LogMix(weight=weight)(tuned, guide, 0)) == pytest.approx(reference_mix(p, q, weight), abs=1e-6)
    for blend in (FirstTokens(), FirstTokens(amplify=1.0), FirstTokens(top_k=3, common=60, amplify=2.0)):
        assert chances(blend(tuned, guide, 0)) == pytest.approx(reference_first(p, q, blend), abs=1e-5)
