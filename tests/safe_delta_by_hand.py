"""Safe Delta entry by entry in float64: plain loops, nothing shared with the code under test but the definition."""

import math
from collections.abc import Sequence

import numpy as np

Matrix = Sequence[Sequence[float]]


def by_hand(
    base: Matrix,
    tuned: Matrix,
    moments: Matrix,
    *,
    strength: float,
    damping: float = 0.01,
    protected: float = 0.15,
    block: int = 2048,
    sub_block: int = 4,
) -> tuple[list[list[float]], int]:
    """The repaired matrix, and how many entries are the tuned model's."""
    rows, columns = len(base), len(base[0])
    upper = factor(moments, damping=damping)
    now, accepted = [list(map(float, row)) for row in base], set[tuple[int, int]]()
    for first in range(0, columns, block):
        part = range(first, min(first + block, columns))
        cost = {j: 1 / upper[j][j] ** 2 for j in part}
        budget = strength * (len(part) / 4096) * (sum(cost.values()) / len(part)) * (rows / 4096)
        order = sorted(part, key=lambda j: (cost[j], j))
        order = order[: len(part) - math.ceil(protected * len(part) - 1e-9)]
        spent = 0.0
        for j, i in ((j, i) for j in order for i in range(rows)):
            spent += (tuned[i][j] - base[i][j]) ** 2 * cost[j]
            if spent > budget:
                break
            accepted.add((i, j))
    for first in range(0, columns, block):
        end = min(first + block, columns)
        for start in range(first, end, sub_block):
            stop = min(start + sub_block, end)
            for i in range(rows):
                errors = {j: (now[i][j] - tuned[i][j]) / upper[j][j] for j in range(start, stop) if (i, j) in accepted}
                for j, error in errors.items():
                    now[i][j] = tuned[i][j]
                    for later in range(stop, columns):
                        now[i][later] -= error * upper[j][later]
    return now, len(accepted)


def factor(moments: Matrix, *, damping: float) -> list[list[float]]:
    """Upper U with UᵀU the inverse of the damped second moments."""
    known = np.array(moments, dtype=np.float64)
    alive = [float(known[j, j]) for j in range(len(known)) if known[j, j] > 0]
    for j in range(len(known)):
        known[j, j] = known[j, j] or (sum(alive) / len(alive) if alive else 1.0)
    known += damping * float(np.mean(np.diag(known))) * np.eye(len(known))
    found: list[list[float]] = np.linalg.cholesky(np.linalg.inv(known)).T.tolist()
    return found
