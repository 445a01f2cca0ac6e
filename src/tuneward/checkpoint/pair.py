"""A tuned model or adapter beside its base, weight by weight; nothing but headers is in memory.

Two models that do not belong together are refused here, before anything is computed: a repair between two models of
the same shapes and different names would move noise (R4), and a tied weight met twice would be moved twice (R1).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tuneward.checkpoint.adapter import Adapter, adapter
from tuneward.checkpoint.layer import Layer
from tuneward.checkpoint.stored import Stored
from tuneward.checkpoint.whole import Tie, Whole, fits, opened, tie_of, tied, whole


@dataclass(frozen=True, eq=False)
class PairOf:
    """A tuned model and its base on disk."""

    base_whole: Whole
    tuned_whole: Whole | None
    """None of an adapter."""
    adapter: Adapter | None
    tied: bool
    """Whether the models tie their embeddings, stored twice or not."""

    @property
    def tie(self) -> Tie | None:
        """The two names of the one embedding where tied models store both somewhere; the layer goes by the input's."""
        return self.base_whole.tie

    @property
    def base(self) -> Stored:
        """The base's files."""
        return self.base_whole.stored

    @property
    def tuned(self) -> Stored:
        """The tuned model's files, or the adapter's."""
        return self.tuned_whole.stored if self.tuned_whole is not None else self._own.stored

    @property
    def names(self) -> tuple[str, ...]:
        """The weights that it has, in the order in which the tuned model's files store them."""
        return self.tuned_whole.names if self.tuned_whole is not None else self._own.names

    def __iter__(self) -> Iterator[Layer]:
        """One after the other; the factors of an adapter's layer are read when it comes."""
        return map(self.layer, self.names)

    def __len__(self) -> int:
        return len(self.names)

    def layer(self, name: str) -> Layer:
        """One weight.

        Raises:
            KeyError: the pair has no such weight.
        """
        base = partial(self.base_whole.rows, name)
        shape = self.base_whole.shape(name)
        if self.tuned_whole is not None:
            dtype = self.tuned_whole.dtype(name)
            return Layer(name, shape, base=base, tuned=partial(self.tuned_whole.rows, name), dtype=dtype)
        own = self._own
        if name in own.dense:
            saved = own.dense[name]
            return Layer(name, shape, base=base, tuned=partial(own.stored.rows, saved), dtype=own.stored.dtype(saved))
        factors = own.factors(name)
        dtype = self.base_whole.dtype(name)
        return Layer(
            name,
            shape,
            base=base,
            tuned=lambda part: base(part).float() + factors.rows(part),
            dtype=dtype,
            factors=factors,
        )

    @property
    def _own(self) -> Adapter:
        if self.adapter is None:
            raise TypeError("a pair has a tuned model or an adapter; made with neither")
        return self.adapter


def pair_of(*, tuned: Path, base: Path) -> PairOf:
    """Open a tuned model or adapter and its base; both by keyword, as swapped ones would undo the alignment.

    Headers and configurations are read; tensors only where two copies of one must agree (tied weights stored twice,
    integer buffers, an embedding's copy in an adapter).

    Raises:
        ValueError: they do not belong together; one line naming the first difference and both sides of it.
        FileNotFoundError: a folder, shard, index or configuration is missing.
    """
    base_files, base_config = opened(base)
    if (tuned / "adapter_config.json").is_file():
        return _over(tuned, base_files, base_config)
    tuned_files, tuned_config = opened(tuned)
    is_tied = tied(tuned_files, tuned_config)
    if is_tied != tied(base_files, base_config):
        one, other = (tuned, base) if is_tied else (base, tuned)
        raise ValueError(
            f"{one}: ties its output embedding to the input embedding (tie_word_embeddings), {other} does not; "
            "save both the same way"
        )
    tie = tie_of(tuned_files, base_files) if is_tied else None
    ours = whole(tuned_files, tuned_config, tie=tie)
    theirs = whole(base_files, base_config, tie=tie)
    fits(ours=ours, theirs=theirs, role="its base")
    return PairOf(theirs, ours, None, is_tied)


def further(path: Path, *, like: PairOf) -> Whole:
    """One more whole model of the same family: a pre-alignment checkpoint, a member of a soup.

    Raises:
        ValueError: it does not belong to the pair's base; one line naming the first difference.
        FileNotFoundError: a folder, shard, index or configuration is missing.
    """
    files, config = opened(path)
    if tied(files, config) != like.tied:
        raise ValueError(
            f"{path}: {'does not tie' if like.tied else 'ties'} its output embedding to the input embedding, "
            f"{like.base.folder} {'does' if like.tied else 'does not'} (tie_word_embeddings); save both the same way"
        )
    model = whole(files, config, tie=_named_as(like, files) if like.tied else None)
    fits(ours=model, theirs=like.base_whole, role="the base")
    return model


def further_adapter(path: Path, *, like: PairOf) -> Adapter:
    """One more adapter over the pair's base: `names`, and `factors(name)` by the base's names.

    Raises:
        ValueError: not plain LoRA, or of another base.
        FileNotFoundError: no adapter there.
    """
    return adapter(path, base=like.base_whole, tied=like.tied)


def _over(folder: Path, files: Stored, config: dict[str, Any]) -> PairOf:
    if (folder / "config.json").is_file() and list(folder.glob("model*.safetensors")):
        raise ValueError(f"{folder}: a whole model and an adapter in one folder; name a folder with one of them")
    is_tied = tied(files, config)
    tie = tie_of(files) if is_tied else None
    model = whole(files, config, tie=tie)
    return PairOf(model, None, adapter(folder, base=model, tied=is_tied), is_tied)


def _named_as(like: PairOf, files: Stored) -> Tie | None:
    """The tie under the pair's names, whichever of them this model stores."""
    return like.tie or tie_of(like.base, files)
