"""Sampled directions beside exact ones: what they hold, what error they name, and that they do not depend on chance."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from repairing import Further, adapter_pair, pair_of
from tuneward.checkpoint.delta import LowRank
from tuneward.repair.alignment import Alignment, below, drawing, lowest
from tuneward.repair.svd import EXACT, Directions, of_energy, of_number, squares

torch.set_num_threads(1)


def decaying(rows: int, columns: int, power: float, *, seed: int = 0, rank: int | None = None) -> Tensor:
    """A matrix whose k-th direction has size k^−power."""
    generator = torch.Generator().manual_seed(seed)
    smaller = min(rows, columns)
    u = torch.linalg.qr(torch.randn(rows, smaller, generator=generator)).Q
    v = torch.linalg.qr(torch.randn(columns, smaller, generator=generator)).Q
    sizes = torch.arange(1, smaller + 1).float() ** -power
    if rank is not None:
        sizes[rank:] = 0
    return (u * sizes) @ v.T


def measured(matrix: Tensor, found: Directions) -> float:
    """‖V − uuᵀV‖ / ‖V‖ in float64, multiplied out."""
    v, u = matrix.double(), found.u.double()
    return float((v - u @ (u.T @ v)).norm() / v.norm())


def orthonormal(columns: Tensor) -> None:
    columns = columns.double()
    eye = torch.eye(columns.shape[1], dtype=torch.float64)
    torch.testing.assert_close(columns.T @ columns, eye, rtol=0, atol=2e-5)


SHAPES = [(40, 60), (60, 40), (400, 300), (300, 500)]
FINDERS: list[Callable[[Tensor], Directions]] = [
    lambda matrix: of_number(matrix, 6, generator=drawing(0, "w")),
    lambda matrix: of_energy(matrix, 0.9, generator=drawing(0, "w")),
]


@pytest.mark.parametrize("find", FINDERS, ids=["number", "energy"])
@pytest.mark.parametrize("shape", SHAPES)
def test_directions_are_orthonormal_and_their_error_is_the_one_named(
    find: Callable[[Tensor], Directions], shape: tuple[int, int]
) -> None:
    matrix = decaying(*shape, power=1.0)
    found = find(matrix)
    orthonormal(found.u)
    orthonormal(found.v)
    assert found.exact == (min(shape) <= EXACT)
    assert found.error == pytest.approx(measured(matrix, found), abs=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_directions_are_those_of_a_full_decomposition(shape: tuple[int, int]) -> None:
    matrix = decaying(*shape, power=1.0)
    found = of_number(matrix, 6, generator=drawing(0, "w"))
    u, sizes, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    torch.testing.assert_close(found.sizes, sizes[:6], rtol=1e-5, atol=0)
    torch.testing.assert_close(
        ((found.u * found.sizes.float()) @ found.v.T).double(), (u[:, :6] * sizes[:6]) @ v[:6], rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_as_few_directions_as_hold_the_energy(shape: tuple[int, int], share: float) -> None:
    matrix = decaying(*shape, power=1.0)
    found = of_energy(matrix, share, generator=drawing(0, "w"))
    held = torch.linalg.svdvals(matrix.double()).square()
    least = int((held.cumsum(0) < share * held.sum()).sum()) + 1
    assert least <= len(found.sizes) <= least + 1, "samples hold a little less than the best directions"
    assert found.error**2 <= 1 - share + 1e-6


def test_energy_that_is_spread_wide_is_taken_apart_exactly() -> None:
    matrix = torch.randn(300, 300, generator=torch.Generator().manual_seed(0))
    assert of_energy(matrix, 0.95, generator=drawing(0, "w")).exact


def test_all_the_energy_is_all_directions_there_are() -> None:
    found = of_energy(decaying(30, 20, 1.0, rank=4), 1.0, generator=drawing(0, "w"))
    assert found.u.shape == (30, 4)
    assert of_number(decaying(300, 400, 1.0, rank=4), 9, generator=drawing(0, "w")).error < 1e-3


def test_samples_of_what_is_nothing_but_rounding_stay_orthonormal() -> None:
    """Five directions, sampled sixty-four at a time, hold all but 1e-7: all of it is asked for."""
    found = of_energy(decaying(600, 700, 1.0, rank=5) * 1e3, 1.0, generator=drawing(0, "w"))
    orthonormal(found.u)
    assert measured(decaying(600, 700, 1.0, rank=5), found) < 1e-5


def test_the_same_seed_and_name_draw_the_same_and_others_do_not() -> None:
    matrix = decaying(300, 400, 0.5)
    one, two, other = (of_number(matrix, 3, generator=drawing(0, name)).u for name in ("a", "a", "b"))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("number", "energy"), [(0, 0.9), (-1, 0.9), (3, 0.0), (3, 1.1), (3, float("nan"))])
def test_numbers_and_shares_out_of_range_are_errors(number: int, energy: float) -> None:
    matrix, generator = torch.eye(3), drawing(0, "w")
    with pytest.raises(ValueError, match=r"number is|energy is"):
        of_energy(matrix, energy, generator=generator) if number == 3 else of_number(
            matrix, number, generator=generator
        )


def test_squares_are_summed_in_float64() -> None:
    """R5: in float32 a sum of a million equal squares is off in the fourth digit."""
    matrix = torch.full((1100, 1000), 0.1)
    assert squares(matrix) == pytest.approx(1_100_000 * float(torch.tensor(0.1)) ** 2, rel=1e-12)


@pytest.mark.parametrize("projector", ["rank", "published"])
def test_cosines_near_the_threshold_are_decided_as_in_float64_where_directions_are_sampled(projector: str) -> None:
    """R5: a layer too large to be taken apart at once, its cosine 1e-4 on either side of the threshold."""
    name = "model.layers.0.mlp.up_proj.weight"
    v, generator = decaying(320, 288, 0.8), torch.Generator().manual_seed(1)
    low = LowRank(torch.randn(320, 4, generator=generator), torch.randn(4, 288, generator=generator))
    base = {name: torch.zeros(320, 288)}
    delta, wide = low.b.double() @ low.a.double(), v.double()
    if projector == "rank":
        u, sizes, _ = torch.linalg.svd(wide, full_matrices=False)
        count = int((sizes.square().cumsum(0) < 0.9 * sizes.square().sum()).sum()) + 1
        part = u[:, :count] @ (u[:, :count].T @ delta)
    else:
        part = wide @ (wide.T @ delta)
    wanted = float((delta * part).sum() / (delta.norm() * part.norm()))
    alignment = Alignment(Further({name: -v}), projector, 0.9, 0)  # type: ignore[arg-type]
    pairs = (
        adapter_pair(factors={name: low}, base=base),
        pair_of(tuned={name: low.b @ low.a}, base=base),
    )
    for pair in pairs:
        for by in (-1e-4, 1e-4):
            ((found, is_low),) = below(alignment, pair, wanted + by)
            assert is_low == (by > 0)
            assert found.cosine == pytest.approx(wanted, abs=2e-5)


def test_the_lowest_are_chosen_by_exact_cosines_and_equal_ones_by_name() -> None:
    names = [f"model.layers.{n}.mlp.up_proj.weight" for n in (2, 0, 1)]
    base = {name: torch.zeros(2, 2) for name in names}
    tuned = {name: torch.tensor([[1.0, 0.0], [2.0, 2.0]]) for name in names}
    before = Further({name: torch.tensor([[-3.0, 0.0], [0.0, -1.0]]) for name in names})
    alignment = Alignment(before, "rank", 0.8, 0)
    seen, chosen = lowest(alignment, pair_of(tuned=tuned, base=base), 2)
    assert chosen == {names[1], names[2]}
    assert [one.cosine for one in seen.values()] == pytest.approx([1 / 3] * 3)
    assert all(one.rank == 1 and one.error == pytest.approx(0.1**0.5) for one in seen.values())
