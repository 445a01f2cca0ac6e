"""Safe Delta: the tuned model's entries that cost safety least, and the others moved to make up for them.

After arXiv:2505.12038. With H the second moments of what a Linear reads on safety prompts, U upper with UᵀU = H⁻¹ and
d = diag U, taking over entry (i, j) costs δ² / d_j²; entries are taken from the least sensitive column on while a
budget lasts, and each one's effect on the outputs is spread over the columns behind it (Hassibi and Stork 1993).

Differs from the paper:
- Budgets are per entry, s · mean(1/d²) · entries / 4096², which is theirs for matrices of 4096 columns and blocks of
  2048; theirs has these numbers built in. A last block that is narrower has the smaller budget.
- Ties within a column go by row, from the first on, and protected columns are whole columns, at least the share named.
- A column whose inputs are all zero counts as one of mean weight; theirs counts 1, whatever the unit of the inputs.
- Everything else (biases, norms, embeddings, head, weights that are no Linear of a decoder layer) becomes the base's:
  the moments are of inputs that came through the base's, and a tuned bias would move outputs with nothing to make up
  for it. So no strength gives the base itself.
- Safety prompts are requests of `tuneward.pool` with the refusals beside them, which neither `policy` nor `policy-dev`
  contains, and of which each is read alone: 128 of up to 512 tokens, but ours are short.
- All Linears of one decoder layer see inputs of before the layer's own repair, through repaired layers before it.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from tuneward.chat import Chat
from tuneward.checkpoint.layer import Fate, Given, Mixed, Pair
from tuneward.checkpoint.pair import PairOf
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.spec import ModelSpec
from tuneward.pool import Language, pool
from tuneward.repair.second_moments import through_layers
from tuneward.rows import read_rows

OURS = "ours"
"""The refusals of `tuneward.pool`."""
WIDTH = 4096
"""Rows and columns for which the paper names its strength."""
LEAST, MOST = 1e-4, 1e6
"""Strengths between which `SafeDelta.at` chooses: at s all entries are paid for when δ is about √s / 4096, so these are
changes of 2e-6 and of 0.2 an entry."""
TOGETHER = 128
"""Columns whose errors are passed on to those behind them in one product."""


@dataclass(frozen=True)
class SafeDelta:
    """Take over what costs safety least, and make up for it.

    Reads safety prompts through the base, which it loads from the pair's own folder; `fates` takes one that is loaded.
    Works for whole models and adapters; what it makes of a weight has full rank, so only a whole model can hold it.
    Holds one model's matrices beside the base until all layers are done, for files store layers in an order of theirs.
    """

    strength: float = 0.11
    """s: what may be spent, by entry and in proportion to how sensitive a matrix is. 0 gives the base; inf takes over
    all but the protected columns."""
    damping: float = 0.01
    """Share of its mean that is added to the diagonal of H, the second moments of what a layer reads."""
    protected: float = 0.15
    """Share of a block's columns, the most sensitive ones, of which nothing is taken over."""
    block: int = 2048
    """Columns that have a budget together."""
    sub_block: int = 4
    """Columns that are taken over together, without making up for one another; 1 is exact, and slower."""
    prompts: int = 128
    """Safety prompts at most."""
    tokens: int = 512
    """Tokens that are read of each, at most."""
    language: Language = "en"
    """Of ours."""
    source: str = OURS
    """Where the prompts come from: "ours", or a file of rows that end with their refusals."""
    beyond: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.strength >= 0:
            raise ValueError(f"strength is {self.strength}; expected 0 or more")
        if not 0 <= self.damping < math.inf:
            raise ValueError(f"damping is {self.damping}; expected 0 or more")
        if not 0 <= self.protected <= 1:
            raise ValueError(f"protected is {self.protected}; expected a share, 0 to 1")
        for name in ("block", "sub_block", "prompts", "tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more")

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """What becomes of every weight of the pair; loads the base as a model, unless the strength needs none.

        Raises:
            ValueError: the pair does not say where its base lies, or the model is none that can be read so.
        """
        if self._keeps_all:
            return iter(())
        if not self.strength:
            return ((layer.name, Mixed(0)) for layer in pair)
        if not isinstance(pair, PairOf):
            raise ValueError("safe-delta reads prompts through the base; give a pair of folders, or use `fates`")
        return fates(pair, by=self, engine=load(ModelSpec(str(pair.base.folder)), place=Place()))

    def at(self, keep: float) -> Self:
        """Strength 1e-4 · 10^(10 keep); 0 is the base, and 1 the tuned model, protected columns and all the rest too.

        Raises:
            ValueError: keep is no share.
        """
        if not 0 <= keep <= 1:
            raise ValueError(f"keep is {keep}; expected a share, 0 to 1")
        if keep == 1:
            return replace(self, strength=math.inf, protected=0.0)
        return replace(self, strength=LEAST * (MOST / LEAST) ** keep if keep else 0.0)

    @property
    def _keeps_all(self) -> bool:
        return math.isinf(self.strength) and not self.protected


@dataclass(frozen=True)
class Result:
    """A repaired matrix."""

    weight: Tensor
    """(out, in), float32, or float64 where base or tuned is."""
    accepted: float
    """Share of its entries that are the tuned model's."""


def fates(
    pair: Pair, *, by: SafeDelta, engine: Engine, prompts: Sequence[Sequence[int]] | None = None
) -> Iterator[tuple[str, Fate]]:
    """What becomes of every weight of a pair, its base being loaded in `engine`, which is left as it was.

    Args:
        pair: weight by weight.
        by: the settings.
        engine: the base; where it is a tuned model with its adapter off, `engine.switch` sees to that.
        prompts: safety prompts in ids, else `safety_prompts`.

    Raises:
        ValueError: as `second_moments.through_layers`, or the pair's weights are others than the engine's.
    """
    rows = safety_prompts(engine, by=by) if prompts is None else prompts
    layers = {layer.name: layer for layer in pair if layer.matrix}
    last: list[tuple[Tensor, Tensor]] = []

    def change(name: str, moments: Tensor) -> Tensor:
        with _naming(name):
            if not last or last[0][0] is not moments:  # q, k and v read the same, gate and up too
                last[:] = [(moments, factor(moments, damping=by.damping))]
            layer, upper = layers[name], last[0][1]
            base, tuned = (read(slice(None)).to(upper.device) for read in (layer.base, layer.tuned))
            return with_factor(base, tuned, upper, by=by).weight.to(layer.dtype)

    with engine.ready():
        new = through_layers(engine.model, rows, names=list(layers), change=change)
        found = {name: weight.cpu() for name, weight in new}
    return ((layer.name, _given(found[layer.name]) if layer.name in found else Mixed(0)) for layer in pair)


def _given(weight: Tensor) -> Given:
    return Given(lambda part: weight[part])


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Errors inside say for which weight."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def safety_prompts(engine: Engine, *, by: SafeDelta) -> list[tuple[int, ...]]:
    """Requests with their refusals in ids, spread over the source in its order, so over its categories.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has no row, or one that does not end with an answer.
    """
    chats = pool("refusals", languages=(by.language,)) if by.source == OURS else list(read_rows(by.source))
    if not chats:
        raise ValueError(f"{by.source}: no rows; safe-delta needs requests that end with their refusals")
    count = min(by.prompts, len(chats))
    taken = [chats[number * len(chats) // count] for number in range(count)]
    return [_ids(engine, chat, by.source)[: by.tokens] for chat in taken]


def _ids(engine: Engine, chat: Chat, source: str) -> tuple[int, ...]:
    """Request and refusal as the base reads the one and says the other."""
    if not chat.answer:
        raise ValueError(f"{chat.id} ({source}): does not end with an answer; a safety row ends with its refusal")
    asked = engine.ids(replace(chat, messages=chat.messages[:-1]))
    said = engine.tokenizer(chat.answer, add_special_tokens=False).input_ids
    return (*asked, *said)


def safe_delta(base: Tensor, tuned: Tensor, moments: Tensor, *, by: SafeDelta) -> Result:
    """One matrix.

    Args:
        base: (out, in), of any floating precision.
        tuned: the same.
        moments: H, (in, in).
        by: the settings.

    Raises:
        ValueError: H is not finite, or not positive definite with this damping.
    """
    return with_factor(base, tuned, factor(moments, damping=by.damping), by=by)


def with_factor(base: Tensor, tuned: Tensor, upper: Tensor, *, by: SafeDelta) -> Result:
    """The same for H's factor, which matrices that read the same inputs share.

    Raises:
        ValueError: base, tuned and H are of different shapes.
    """
    if base.shape != tuned.shape or base.shape[1] != len(upper):
        shapes = ", ".join(str(tuple(one.shape)) for one in (base, tuned, upper))
        raise ValueError(f"base, tuned and second moments do not fit: {shapes}")
    accepted = _accepted(base, tuned, upper.diagonal(), by=by)
    exact = torch.promote_types(torch.promote_types(base.dtype, tuned.dtype), torch.float32)
    columns, target = base.to(exact).T.clone(memory_format=torch.contiguous_format), tuned.to(exact).T
    upper = upper.to(exact)
    for first in range(0, len(columns), by.block):
        end = min(first + by.block, len(columns))
        step = by.sub_block * max(1, TOGETHER // by.sub_block)
        for start in range(first, end, step):
            stop = min(start + step, end)
            _take(columns, target, accepted, upper=upper, parts=_parts(start, stop, by.sub_block))
    return Result(columns.T.contiguous(), float(accepted.double().mean()))


def _parts(first: int, end: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, end)) for start in range(first, end, step)]


def _take(columns: Tensor, target: Tensor, accepted: Tensor, *, upper: Tensor, parts: Sequence[slice]) -> None:
    """Take over what is accepted in these neighbouring parts, and make up for it behind each, in place.

    Columns behind the last part are changed in one product at the end, which is the same and reads memory once.
    """
    first, end = parts[0].start, parts[-1].stop
    if not accepted[first:end].any():
        return
    errors = torch.zeros_like(columns[first:end])
    for part in parts:
        own = slice(part.start - first, part.stop - first)
        off = torch.where(accepted[part], columns[part] - target[part], 0)
        errors[own] = off / upper.diagonal()[part, None]
        columns[part] = torch.where(accepted[part], target[part], columns[part])
        columns[part.stop : end].addmm_(upper[part, part.stop : end].T, errors[own], alpha=-1)
    used = accepted[first:end].any(1)
    columns[end:].addmm_(upper[first:end][used, end:].T, errors[used], alpha=-1)


def factor(moments: Tensor, *, damping: float) -> Tensor:
    """Upper U with UᵀU = H⁻¹ of the damped H, float64.

    H = R Rᵀ with R upper is the factorisation of the matrix read backwards, and U is R's inverse: the inverse of H
    itself, which would cost as much again, is never made.
    """
    if not torch.isfinite(moments).all():
        raise ValueError("second moments are not all finite numbers")
    known = (moments.cpu() if moments.device.type == "mps" else moments).double()  # which has no float64
    diagonal = known.diagonal()
    alive = diagonal > 0
    mean = diagonal[alive].mean() if alive.any() else torch.ones((), dtype=known.dtype, device=known.device)
    known = known + torch.diag(torch.where(alive, 0, mean) + damping * mean)
    lower, failed = torch.linalg.cholesky_ex(known.flip(0, 1))
    if failed:
        raise ValueError("second moments do not determine the layer's inputs; raise --damping")
    one = torch.eye(len(known), dtype=known.dtype, device=known.device)
    inverse: Tensor = torch.linalg.solve_triangular(lower, one, upper=False)
    return inverse.flip(0, 1)


def _accepted(base: Tensor, tuned: Tensor, sizes: Tensor, *, by: SafeDelta) -> Tensor:
    """Which entries become the tuned model's, (in, out): whole columns in turn, the last one as far as it goes."""
    sensitivity = sizes.double().square().reciprocal()
    accepted = torch.zeros(base.shape[1], base.shape[0], dtype=torch.bool, device=base.device)
    for part in _parts(0, base.shape[1], by.block):
        own = sensitivity[part]
        costs = (tuned[:, part].double() - base[:, part].double()).square().T * own[:, None]
        budget = by.strength * float(own.mean()) * costs.numel() / WIDTH**2
        order = own.argsort(stable=True)[: len(own) - math.ceil(by.protected * len(own) - 1e-9)]
        spent = costs.sum(1)[order].cumsum(0)
        whole = int((spent <= budget).sum())
        taken = torch.zeros_like(costs, dtype=torch.bool)
        taken[order[:whole]] = True
        if whole < len(order):
            before = spent[whole - 1] if whole else 0
            taken[order[whole]] = costs[order[whole]].cumsum(0) + before <= budget
        accepted[part] = taken
    return accepted
