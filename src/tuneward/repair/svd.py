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
"""Samples of the first block; each further one has as many as there are already."""
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
    basis = sampled(matrix, count, None, generator=generator, iterations=iterations)
    return cut(within(matrix, basis), number)


def of_energy(matrix: Tensor, share: float, *, generator: Generator, iterations: int = 2) -> Directions:
    """As few directions as hold this share of ‖V‖².

    Raises:
        ValueError: share not above 0, or above 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"energy is {share}; expected a share above 0, to 1")
    smaller, basis = min(matrix.shape), None
    energy = squares(matrix)
    while smaller > EXACT:
        count = BLOCK if basis is None else basis.shape[1]
        if 2 * (count + (0 if basis is None else basis.shape[1])) > smaller:
            break
        basis = sampled(matrix, count, basis, generator=generator, iterations=iterations)
        if squares(basis.T @ matrix) >= share * energy:
            found = within(matrix, basis)
            return cut(found, enough(found.sizes, share * energy))
    found = whole(matrix)
    return cut(found, enough(found.sizes, share * float(found.sizes.square().sum())))


def enough(sizes: Tensor, energy: float) -> int:
    """As few of the sizes as have this sum of squares, rounding apart."""
    held = sizes.square().cumsum(0)
    return min(len(sizes), int((held < energy * (1 - 1e-12)).sum()) + 1)


def sampled(matrix: Tensor, count: int, beside: Tensor | None, *, generator: Generator, iterations: int) -> Tensor:
    """Orthonormal columns (rows, k): those of `beside`, and `count` more that hold most of what they leave."""
    drawn = torch.randn(matrix.shape[1], count, generator=generator)
    new = apart(matrix @ drawn, beside)
    for _ in range(iterations):
        back = torch.linalg.qr(matrix.T @ new).Q
        new = apart(matrix @ back, beside)
    return new if beside is None else torch.cat((beside, new), dim=1)


def apart(columns: Tensor, beside: Tensor | None) -> Tensor:
    """Orthonormal columns of what the others leave; cleared twice, as once leaves rounding errors of the first size."""
    for _ in range(2 if beside is not None else 0):
        columns = torch.linalg.qr(columns - beside @ (beside.T @ columns)).Q  # type: ignore[union-attr,operator]
    return columns if beside is not None else torch.linalg.qr(columns).Q


def within(matrix: Tensor, basis: Tensor) -> Directions:
    """Directions of basis·basisᵀ·V, from the k × k products of its coordinates."""
    coordinates = basis.T @ matrix
    sizes, turned = spectrum(coordinates)
    u = basis @ turned.float()
    return Directions(u, sizes, onto(coordinates.T @ turned.float(), sizes), lost(matrix, sizes), exact=False)


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


def lost(matrix: Tensor, sizes: Tensor) -> float:
    """‖V − u uᵀ V‖ / ‖V‖ of directions with these sizes, by Pythagoras."""
    energy = squares(matrix)
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
