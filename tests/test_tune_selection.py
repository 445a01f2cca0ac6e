"""Relevance and diversity: the incremental gains are those of the determinant, every step takes the best one."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tuneward.tune import selection
from tuneward.tune.selection import Candidates, apportioned, fitted, greedy, relevance


def kernel(candidates: Candidates) -> np.ndarray:
    """K̂ as the paper writes it, dense."""
    q = np.maximum(candidates.relevance, selection.LEAST) ** candidates.beta
    dense = candidates.vectors.toarray()
    return q[:, None] * (dense @ dense.T) * q[None, :]


def log_det(matrix: np.ndarray, chosen: list[int]) -> float:
    """Of the part of a kernel that belongs to these; 0 of none."""
    if not chosen:
        return 0.0
    sign, value = np.linalg.slogdet(matrix[np.ix_(chosen, chosen)])
    return float(value) if sign > 0 else -math.inf


def some(seed: int, count: int, *, width: int = 12, groups: int = 1, beta: float = 4.0) -> Candidates:
    """Random directions of length 1."""
    rng = np.random.default_rng(seed)
    vectors = rng.random((count, width))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    group = rng.permutation(np.arange(count) % groups)
    return Candidates(csr_matrix(vectors), rng.uniform(0.05, 0.95, count), group, beta)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 9), st.sampled_from([0.0, 1.0, 4.0]))
def test_incremental_gains_are_differences_of_log_determinants(seed: int, wanted: int, beta: float) -> None:
    """C5: incremental Cholesky gains equal direct log-det gains."""
    candidates = some(seed, 9, beta=beta)
    whole = kernel(candidates)
    picks, gains = greedy(candidates, [wanted])
    assert len(set(picks)) == wanted
    for at, (pick, gain) in enumerate(zip(picks, gains, strict=True)):
        assert gain == pytest.approx(log_det(whole, [*picks[:at], pick]) - log_det(whole, picks[:at]), abs=1e-7)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_each_step_takes_what_a_search_over_all_would_take(seed: int, groups: int) -> None:
    candidates = some(seed, 10, groups=groups)
    whole, quota = kernel(candidates), [2] * groups
    picks, _ = greedy(candidates, quota)
    left = list(quota)
    for at, pick in enumerate(picks):
        before = picks[:at]
        able = [n for n in range(10) if n not in before and left[candidates.group[n]]]
        assert pick == max(able, key=lambda n: log_det(whole, [*before, n]))
        left[candidates.group[pick]] -= 1
    assert left == [0] * groups


def test_gains_never_rise() -> None:
    """The log-determinant has diminishing returns, so the best gain of a step is no better than the one before."""
    _, gains = greedy(some(3, 40, width=60), [30])
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(gains))


def test_two_alike_are_not_both_taken_while_another_is_left() -> None:
    vectors = csr_matrix(np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8]]))
    picks, gains = greedy(Candidates(vectors, np.array([0.9, 0.9, 0.5]), np.zeros(3, dtype=int), 1.0), [3])
    assert picks == [0, 2, 1]
    assert gains[0] == pytest.approx(2 * math.log(0.9))
    assert gains[1] == pytest.approx(2 * math.log(0.5) + math.log(0.64))
    assert gains[2] == pytest.approx(gains[0]), "a repetition comes only where nothing else is left, in a new round"


def test_relevance_decides_more_the_larger_beta_is() -> None:
    near = np.array([0.9, 0.8, 0.1])
    vectors = csr_matrix(np.array([[1.0, 0.0], [0.9, math.sqrt(0.19)], [0.0, 1.0]]))
    group = np.zeros(3, dtype=int)
    assert greedy(Candidates(vectors, near, group, 0.0), [2])[0] == [0, 2]
    assert greedy(Candidates(vectors, near, group, 4.0), [2])[0] == [0, 1]


def test_a_long_choice_goes_on_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "ROUND", 4)
    candidates = some(1, 10)
    picks, gains = greedy(candidates, [10])
    whole = kernel(candidates)
    assert sorted(picks) == list(range(10))
    assert gains[4] == pytest.approx(math.log(whole[picks[4], picks[4]])), "the second round begins anew"


def test_a_text_without_words_comes_last() -> None:
    _, vectors = fitted(["?!", "a cup of tea", "a boat"])
    picks, gains = greedy(Candidates(vectors, np.array([0.0, 0.5, 0.4]), np.zeros(3, dtype=int), 4.0), [3])
    assert picks == [1, 2, 0]
    assert gains[2] == -math.inf


def test_more_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match="quota is \\[4\\]"):
        greedy(some(0, 3), [4])


def test_the_largest_cosine_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ["How do I bake bread?", "怎么修自行车？", "Where is the library", "???"]
    tasks = [
        "Bake bread, please.",
        "Name three birds.",
        "自行车在哪里修",
        "the library is closed",
        "How do I bake bread?",
    ]
    terms, vectors = fitted(pool)
    direct = (vectors @ terms.vectors(tasks).T).toarray().max(1)
    whole = relevance(vectors, terms, tasks)
    monkeypatch.setattr(selection, "BLOCK", 2)
    np.testing.assert_allclose(whole, direct, atol=1e-12)
    np.testing.assert_allclose(relevance(vectors, terms, tasks), direct, atol=1e-12)
    assert whole[0] == pytest.approx(1.0)
    assert 0 < whole[2] < 1
    assert 0 < whole[1] < 1
    assert whole[3] == 0, "nothing to compare"


def test_vectors_have_length_one_and_rare_words_weigh_more() -> None:
    terms, vectors = fitted(["the cat", "the dog", "the cow and the hen"])
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(1)).ravel())
    np.testing.assert_allclose(lengths, 1.0)
    alike = terms.vectors(["the", "dog"])
    near = (vectors @ alike.T).toarray()
    assert near[1, 1] > near[1, 0] > 0


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=3), st.floats(0, 100), min_size=1).filter(lambda d: sum(d.values()) > 1e-3),
    st.integers(0, 500),
)
def test_parts_sum_to_the_whole_and_are_within_one_of_their_share(shares: dict[str, float], count: int) -> None:
    parts, whole = apportioned(shares, count), sum(shares.values())
    assert sum(parts.values()) == count
    assert all(abs(parts[name] - count * share / whole) < 1 + 1e-9 for name, share in shares.items())


def test_nothing_to_share_among_is_an_error() -> None:
    with pytest.raises(ValueError, match="above 0"):
        apportioned({"a": 0.0}, 3)
