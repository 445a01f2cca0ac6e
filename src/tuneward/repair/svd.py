"""The first directions of a matrix, from random samples of its columns (Halko et al. 2011, arXiv:0909.4061).

Differs from the paper: where a share of the energy is asked for instead of a number, samples are added in blocks, each
beside what is there already, until it is reached; a matrix that is small, or whose energy is spread over more than half
its directions, is taken apart exactly from its products with itself. Products of the matrix are float32, small matrices
and every norm float64.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

EXACT = 256
"""Sides up to which taking apart exactly costs no more."""
OVERSAMPLED = 10
BLOCK = 64
"""Samples of a block at least; later ones have half as many as there are already."""
STEP = 1 << 18
"""Entries whose float64 copies are in memory at a time: as many as a processor's cache holds."""


@dataclass(frozen=True)
class Directions:
    """V ≈ u · diag(sizes) · vᵀ, largest first."""

    u: Tensor
    """(rows, k), orthonormal columns, float32."""
    sizes: Tensor
    """(k,), float64."""
    v: Tensor
    """(columns, k), orthonormal columns, float32."""
    error: float
    """‖V − u uᵀ V‖ / ‖V‖ (Frobenius), from float64 norms; below 5e-4 it is not resolved."""
    exact: bool
    """Taken apart whole, not sampled."""


def squares(matrix: Tensor) -> float:
    """Sum of squares in float64, without a float64 copy of the whole."""
    flat, total = matrix.reshape(-1), 0.0
    for first in range(0, len(flat), STEP):
        part = flat[first : first + STEP].double()
        total += float(torch.dot(part, part))
    return total


def of_number(matrix: Tensor, number: int, *, generator: Generator, iterations: int = 4) -> Directions:
    """The first `number` directions, or as many as it has.

    Args:
        iterations: times that the samples go through the matrix and back; more tell close directions apart better.

    Raises:
        ValueError: number below 1.
    """
    if number < 1:
        raise ValueError(f"number is {number}; expected 1 direction or more")
    count, smaller = number + OVERSAMPLED, min(matrix.shape)
    if smaller <= EXACT or 2 * count > smaller:
        return cut(whole(matrix), number)
    nothing = matrix.new_empty(matrix.shape[0], 0)
    basis = sampled(matrix, count, nothing, generator=generator, iterations=iterations)
    return cut(within(basis, basis.T @ matrix, squares(matrix)), number)


def of_energy(matrix: Tensor, share: float, *, generator: Generator, iterations: int = 2) -> Directions:
    """As few directions as hold this share of ‖V‖².

    Raises:
        ValueError: share not above 0, or above 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"energy is {share}; expected a share above 0, to 1")
    smaller, energy = min(matrix.shape), squares(matrix)
    basis, coordinates, held = matrix.new_empty(matrix.shape[0], 0), matrix.new_empty(0, matrix.shape[1]), 0.0
    while smaller > EXACT:
        count = max(BLOCK, basis.shape[1] // 2)
        if 2 * (count + basis.shape[1]) > smaller:
            break
        new = sampled(matrix, count, basis, generator=generator, iterations=iterations)
        basis, coordinates = torch.cat((basis, new), dim=1), torch.cat((coordinates, new.T @ matrix))
        held += squares(coordinates[-count:])
        if held >= share * energy:
            found = within(basis, coordinates, energy)
            return cut(found, enough(found.sizes, share * energy))
    found = whole(matrix)
    return cut(found, enough(found.sizes, share * float(found.sizes.square().sum())))


def enough(sizes: Tensor, energy: float) -> int:
    """As few of the sizes as have this sum of squares, rounding apart."""
    held = sizes.square().cumsum(0)
    return min(len(sizes), int((held < energy * (1 - 1e-12)).sum()) + 1)


def sampled(matrix: Tensor, count: int, beside: Tensor, *, generator: Generator, iterations: int) -> Tensor:
    """Orthonormal columns (rows, count) that hold most of what those beside them leave."""
    drawn = torch.randn(matrix.shape[1], count, generator=generator)
    new = apart(matrix @ drawn, beside)
    for _ in range(iterations):
        back = torch.linalg.qr(matrix.T @ new).Q
        new = apart(matrix @ back, beside)
    return new


def apart(columns: Tensor, beside: Tensor) -> Tensor:
    """Orthonormal columns of what the others leave; cleared and straightened twice, as what is left may be little."""
    found: Tensor = torch.linalg.qr(columns).Q if not beside.shape[1] else columns
    for _ in range(2 if beside.shape[1] else 0):
        found = torch.linalg.qr(found - beside @ (beside.T @ found)).Q
    return found


def within(basis: Tensor, coordinates: Tensor, energy: float) -> Directions:
    """Directions of basis · coordinates, of a matrix with this sum of squares, from small float64 products."""
    sizes, turned = spectrum(coordinates)
    v = onto(coordinates.T @ turned.float(), sizes)
    return Directions(basis @ turned.float(), sizes, v, lost(sizes, energy), exact=False)


def whole(matrix: Tensor) -> Directions:
    """All directions, from float64 products of the shorter side with itself."""
    flat = matrix.shape[0] <= matrix.shape[1]
    sizes, turned = spectrum(matrix if flat else matrix.T)
    other = onto((matrix.T.double() if flat else matrix.double()) @ turned, sizes).float()
    u, v = (turned.float(), other) if flat else (other, turned.float())
    return Directions(u, sizes, v, 0.0, exact=True)


def spectrum(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Sizes (k,) and directions of the columns (rows, k) of a flat matrix, float64, largest first; none of size 0."""
    double = matrix.double()
    squared, turned = torch.linalg.eigh(double @ double.T)
    squared, turned = squared.flip(0).clamp(min=0), turned.flip(1)
    real = max(1, int((squared > squared[0] * 1e-12).sum()))
    return squared[:real].sqrt(), turned[:, :real]


def onto(columns: Tensor, sizes: Tensor) -> Tensor:
    """Columns of length one from columns of these lengths."""
    return columns / sizes.clamp(min=torch.finfo(torch.float64).tiny).to(columns.dtype)


def lost(sizes: Tensor, energy: float) -> float:
    """‖V − u uᵀ V‖ / ‖V‖ of directions with these sizes, by Pythagoras."""
    return max(0.0, 1 - float(sizes.square().sum()) / energy) ** 0.5 if energy else 0.0


def cut(found: Directions, number: int) -> Directions:
    """The first of them, and what the others held is lost."""
    if number >= len(found.sizes):
        return found
    kept, all_of_it = float(found.sizes[:number].square().sum()), float(found.sizes.square().sum())
    share = kept / all_of_it * (1 - found.error**2)
    first = slice(number)
    return Directions(
        found.u[:, first], found.sizes[first], found.v[:, first], max(0.0, 1 - share) ** 0.5, exact=found.exact
    )
