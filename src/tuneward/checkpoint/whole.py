"""A whole model on disk under the names that it shares with its relatives: tied weights once, buffers apart."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from tuneward.checkpoint.header import called
from tuneward.checkpoint.stored import Stored, stored
from tuneward.weights import read_config

INPUTS = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")
OUTPUTS = ("lm_head.weight", "embed_out.weight")
COMPUTED = re.compile(r"\.rotary_emb\.inv_freq$|\.(?:attn|attention)\.(?:bias|masked_bias)$")
"""Buffers that older models stored although their code computes them: constants, no matter what is trained."""
ALIKE = ("num_attention_heads", "num_key_value_heads", "head_dim", "n_head")
"""Settings that give equal shapes another meaning."""
STEP = 1 << 24
"""Bytes compared at a time."""


@dataclass(frozen=True)
class Tie:
    """Two names of one tensor; `input` is the one it goes by."""

    input: str
    output: str


@dataclass(frozen=True, eq=False)
class Whole:
    """One model's weights by the pair's names."""

    stored: Stored
    config: Mapping[str, Any]
    weights: Mapping[str, str]
    """Name → the name it is stored under (of a tied weight stored twice the input's), in the order of the files."""
    buffers: tuple[str, ...]
    """What is stored and no weight: integer tensors, and constants that the code computes."""
    tie: Tie | None = None
    """The two names of the one embedding where the models tie it and store both names somewhere."""

    def weight_of(self, stored_as: str) -> str | None:
        """The weight that a stored tensor holds, or None of a buffer; both copies of a tied one hold the same."""
        if self.tie is not None and stored_as in (self.tie.input, self.tie.output):
            return self.tie.input
        return stored_as if stored_as in self.weights else None

    @property
    def names(self) -> tuple[str, ...]:
        """The weights."""
        return tuple(self.weights)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a weight."""
        return self.stored.shape(self.weights[name])

    def dtype(self, name: str) -> torch.dtype:
        """Precision in which it is stored."""
        return self.stored.dtype(self.weights[name])

    def rows(self, name: str, part: slice = slice(None), *, into: Tensor | None = None) -> Tensor:
        """Some rows of a weight, as `Stored.rows`."""
        return self.stored.rows(self.weights[name], part, into=into)


def opened(folder: Path) -> tuple[Stored, dict[str, Any]]:
    """A whole model's tensors and its configuration.

    Raises:
        ValueError: an adapter instead of a model, pickles, code to run, or a damaged file.
        FileNotFoundError: no such folder, no weights, or no configuration.
    """
    if (folder / "adapter_config.json").is_file():
        raise ValueError(f"{folder}: an adapter; expected a whole model here, so merge it into its base first")
    tensors = stored(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder / 'config.json'}: no such file; expected a model in Hugging Face layout")
    return tensors, read_config(folder / "config.json")


def tied(tensors: Stored, config: Mapping[str, Any]) -> bool:
    """Whether the output embedding is the input embedding.

    The configuration says so at its top or in its `text_config`; where it says nothing, a model without a stored
    output embedding is tied, and of one with it the library knows the architecture's default.
    """
    text = config.get("text_config")
    for place in (config, text if isinstance(text, dict) else {}):
        if isinstance(place.get("tie_word_embeddings"), bool):
            return bool(place["tie_word_embeddings"])
    if end(tensors.names, OUTPUTS) is None:
        return any("LM" in str(name) for name in config.get("architectures") or [])
    from transformers import CONFIG_MAPPING  # seconds to load, and almost no configuration needs it

    try:
        known = CONFIG_MAPPING[str(config.get("model_type"))].from_dict(dict(config))
        return bool(known.get_text_config(decoder=True).tie_word_embeddings)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{tensors.folder / 'config.json'}: does not say whether embeddings are tied; write tie_word_embeddings"
        ) from error


def end(names: Iterable[str], endings: tuple[str, ...]) -> str | None:
    """The outermost name that is one of these or ends in a dot and one of these."""
    found = [name for name in names if name in endings or name.endswith(tuple(f".{one}" for one in endings))]
    return min(found, key=lambda name: (name.count("."), len(name)), default=None)


def tie_of(*models: Stored) -> Tie | None:
    """The two ends of tied models, as any of them stores them; None where none stores both names.

    A model that stores its one tensor under the output's name alone is read under that name.
    """
    inputs = [end(model.names, INPUTS) for model in models]
    outputs = [end(model.names, OUTPUTS) for model in models]
    first, last = next(filter(None, inputs), None), next(filter(None, outputs), None)
    return Tie(first, last) if first and last else None


def whole(tensors: Stored, config: Mapping[str, Any], *, tie: Tie | None) -> Whole:
    """Sort out what is a weight, what a buffer, and what is stored twice.

    Raises:
        ValueError: a tied weight stored twice with different content.
    """
    weights: dict[str, str] = {}
    buffers = []
    for name in tensors.names:
        if not tensors.dtype(name).is_floating_point or COMPUTED.search(name):
            buffers.append(name)
        elif tie is None or name not in (tie.input, tie.output):
            weights[name] = name
        else:
            weights[tie.input] = tie.input if tie.input in tensors else tie.output
    twice = tie is not None and tie.input in tensors and tie.output in tensors
    if tie is not None and twice and not same(tensors, tie.input, tensors, tie.output):
        raise ValueError(
            f"{tensors.folder}: {called(tie.output)}: stored apart from {called(tie.input)} with other content, "
            "although config.json ties them (tie_word_embeddings); set it to false if they are two weights"
        )
    return Whole(tensors, config, MappingProxyType(weights), tuple(buffers), tie)


def same(left: Stored, name: str, right: Stored, other: str) -> bool:
    """Whether two tensors have the same shape and the same values, read in bounded parts."""
    shape = left.shape(name)
    if shape != right.shape(other):
        return False
    step = max(1, STEP * max(1, shape[0]) // max(1, left.nbytes(name))) if shape else 1
    parts = [slice(first, first + step) for first in range(0, shape[0] if shape else 1, step)]
    return all(_equal(left.rows(name, part), right.rows(other, part)) for part in parts)


def _equal(left: Tensor, right: Tensor) -> bool:
    if left.dtype != right.dtype and left.dtype.is_floating_point and right.dtype.is_floating_point:
        return torch.equal(left.double(), right.double())
    return left.dtype == right.dtype and torch.equal(
        left.reshape(-1).view(torch.uint8), right.reshape(-1).view(torch.uint8)
    )


def fits(*, ours: Whole, theirs: Whole, role: str) -> None:
    """Refuse a model (`theirs`, called `role`: base, pre-aligned model, …) of another architecture than `ours`.

    Raises:
        ValueError: one line with the first setting, tensor, shape or buffer that differs.
    """
    left, right = ours.stored.folder, theirs.stored.folder
    for key in ("model_type", "architectures", *ALIKE):
        one, other = _setting(ours.config, key), _setting(theirs.config, key)
        if one != other and not (key == "architectures" and None in (one, other)):
            raise ValueError(f"{left}: another architecture than {role} {right}: {key} is {one}, there {other}")
    for name in ours.weights:
        if name not in theirs.weights:
            raise ValueError(f"{right}: {called(name)}: {role} lacks this tensor, which {left} stores; another model")
        if ours.shape(name) != theirs.shape(name):
            shapes = f"{list(ours.shape(name))}, in {role} {right} {list(theirs.shape(name))}"
            raise ValueError(f"{left}: {called(name)}: another shape than its relative: {shapes}")
    for name in theirs.weights:
        if name not in ours.weights:
            raise ValueError(f"{left}: {called(name)}: lacks this tensor, which {role} {right} stores; another model")
    for name in (*ours.buffers, *theirs.buffers):
        if name in ours.buffers and name in theirs.buffers:
            if not same(ours.stored, name, theirs.stored, name):
                raise ValueError(f"{left}: {called(name)}: a constant, and not the one in {role} {right}")
        elif not COMPUTED.search(name):
            lacking = left if name in theirs.buffers else right
            raise ValueError(f"{lacking}: {called(name)}: lacks this buffer of its relative; another model")


def _setting(config: Mapping[str, Any], key: str) -> object:
    text = config.get("text_config")
    return config.get(key, text.get(key) if isinstance(text, dict) else None)
