"""What tuning changed in one weight: as a matrix, or as the two factors of an adapter, never multiplied out.

Norms and inner products accumulate in float64: in float32 on a CPU they are off by 1e-3 on 17 million entries, which
decides a threshold wrongly.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Delta(Protocol):
    """ΔW of one weight, (out, in); of a vector (out,). Immutable: every operation gives a new one."""

    def scaled(self, by: float) -> "Delta":
        """by · ΔW."""
        ...

    def left(self, u: Tensor, v: Tensor) -> "Delta":
        """u (vᵀ ΔW) for u and v of shape (out, k): a projection when u = v has orthonormal columns."""
        ...

    def norm(self) -> float:
        """Frobenius norm."""
        ...

    def dot(self, other: "Delta") -> float:
        """⟨ΔW, ΔW′⟩, the sum of products of entries."""
        ...

    def rows(self, part: slice) -> Tensor:
        """Some rows multiplied out, float32."""
        ...


@dataclass(frozen=True)
class Dense:
    """ΔW itself, float32."""

    matrix: Tensor

    def scaled(self, by: float) -> "Dense":
        """by · ΔW."""
        return Dense(self.matrix * by)

    def left(self, u: Tensor, v: Tensor) -> "Dense":
        """u (vᵀ ΔW)."""
        return Dense(u @ (v.T @ self.matrix))

    def norm(self) -> float:
        """Frobenius norm, accumulated in float64."""
        return float(self.dot(self) ** 0.5)

    def dot(self, other: Delta) -> float:
        """⟨ΔW, ΔW′⟩, accumulated in float64."""
        if isinstance(other, LowRank):
            return other.dot(self)
        ours, theirs = (one.reshape(len(one), -1) for one in (self.matrix, other.rows(slice(None))))
        step = max(1, (1 << 18) // max(1, ours.shape[1]))
        parts = (slice(first, first + step) for first in range(0, len(ours), step))
        return sum(float((ours[part].double() * theirs[part].double()).sum()) for part in parts)

    def rows(self, part: slice) -> Tensor:
        """Some rows."""
        return self.matrix[part]


@dataclass(frozen=True)
class LowRank:
    """ΔW = b a, b of shape (out, rank), a of (rank, in), float32; an adapter's scale is folded into b."""

    b: Tensor
    a: Tensor

    def scaled(self, by: float) -> "LowRank":
        """by · ΔW."""
        return LowRank(self.b * by, self.a)

    def left(self, u: Tensor, v: Tensor) -> "LowRank":
        """u (vᵀ b) a: the products are as thin as the factors."""
        return LowRank(u @ (v.T @ self.b), self.a)

    def norm(self) -> float:
        """Frobenius norm, from two rank × rank products in float64."""
        return float(max(0.0, self.dot(self)) ** 0.5)

    def dot(self, other: Delta) -> float:
        """⟨b a, ΔW′⟩ in float64 without multiplying out."""
        b, a = self.b.double(), self.a.double()
        if isinstance(other, LowRank):
            return float(((b.T @ other.b.double()) * (a @ other.a.double().T)).sum())
        step, total = max(1, (1 << 18) // max(1, a.shape[1])), 0.0
        for first in range(0, len(b), step):
            part = slice(first, first + step)
            total += float((b[part] * (other.rows(part).double() @ a.T)).sum())
        return total

    def rows(self, part: slice) -> Tensor:
        """Some rows multiplied out."""
        return self.b[part] @ self.a

    def of_rank(self, rank: int) -> tuple["LowRank", float]:
        """The nearest ΔW of at most this rank, and how far it is: ‖difference‖ / ‖ΔW‖ (Eckart and Young 1936)."""
        if rank >= self.b.shape[1]:
            return self, 0.0
        q, r = torch.linalg.qr(self.b.double())
        p, s = torch.linalg.qr(self.a.double().T)
        u, sizes, v = torch.linalg.svd(r @ s.T)
        left, right = q @ (u[:, :rank] * sizes[:rank]), v[:rank] @ p.T
        whole = float(sizes.square().sum()) ** 0.5
        lost = float(sizes[rank:].square().sum()) ** 0.5
        return LowRank(left.to(self.b.dtype), right.to(self.a.dtype)), lost / whole if whole else 0.0
