"""A PEFT LoRA adapter on disk: which weights of the base it changes, and the two factors of each change.

What the library computes (peft's own layers, read there): W + scale · B A, with scale = alpha / r, or alpha / √r when
rank-stabilised (Kalajdzievski 2023, arXiv 2312.03732); `rank_pattern` and `alpha_pattern` give single modules their own
r and alpha by a regular expression on the end of their path. Embeddings and GPT-2's `Conv1D` store their weight as
(in, out), so there the change is the transposed product.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.header import called
from tuneward.checkpoint.stored import Stored, stored
from tuneward.checkpoint.whole import INPUTS, OUTPUTS, Whole, end, same
from tuneward.text import plain, shorten
from tuneward.weights import read_config

PREFIX = "base_model.model."
CONV1D = {
    "gpt2": ("c_attn", "q_attn", "c_proj", "c_fc"),
    "openai-gpt": ("c_attn", "c_proj", "c_fc"),
    "imagegpt": ("c_attn", "q_attn", "c_proj", "c_fc"),
}
"""Architectures whose linear layers store (in, out), and which; the library decides by the layer's class as well, and
`fan_in_fan_out` in the configuration is no more than its memory of the last one."""
FACTORS = MappingProxyType(
    {
        ".lora_A.weight": "a",
        ".lora_B.weight": "b",
        ".lora_embedding_A": "a",
        ".lora_embedding_B": "b",
    }
)
HARMLESS = frozenset(
    {
        "task_type",
        "peft_type",
        "auto_mapping",
        "peft_version",
        "base_model_name_or_path",
        "revision",
        "inference_mode",
        "r",
        "target_modules",
        "exclude_modules",
        "lora_alpha",
        "lora_dropout",
        "fan_in_fan_out",
        "bias",
        "use_rslora",
        "modules_to_save",
        "init_lora_weights",
        "layers_to_transform",
        "layers_pattern",
        "rank_pattern",
        "alpha_pattern",
        "megatron_core",
        "loftq_config",
        "eva_config",
        "runtime_config",
        "qalora_group_size",
        "ensure_weight_tying",
    }
)
"""Settings that say how it was trained, or that are read here; any other that is set may change what it computes."""
STARTS = (True, False, None, "gaussian", "eva", "orthogonal")
"""Ways to begin that leave the base as it is; the others (PiSSA, OLoRA, …) change it each time they are loaded."""


@dataclass(frozen=True)
class Adapted:
    """One weight of the base that two factors change."""

    name: str
    """Of the weight in the base."""
    a: str
    """Name of factor A (rank, in) in the adapter's file."""
    b: str
    """Name of factor B (out, rank)."""
    scale: float
    flipped: bool
    """The base stores (in, out): ΔW = scale · Aᵀ Bᵀ."""

    def factors(self, a: Tensor, b: Tensor) -> LowRank:
        """ΔW from the stored factors, the scale folded in."""
        left, right = (a.float().T, b.float().T) if self.flipped else (b.float(), a.float())
        return LowRank(left * self.scale, right)

    def stored(self, delta: LowRank) -> dict[str, Tensor]:
        """The other way: names and float32 content of the two tensors that hold ΔW under the same scale."""
        left = delta.b / self.scale
        a, b = (left.T, delta.a.T) if self.flipped else (delta.a, left)
        return {self.a: a.contiguous(), self.b: b.contiguous()}


@dataclass(frozen=True, eq=False)
class Adapter:
    """What an adapter changes. Only headers are in memory."""

    stored: Stored
    config: Mapping[str, Any]
    names: tuple[str, ...]
    """Weights of the base that it changes, in the order of the file."""
    adapted: Mapping[str, Adapted]
    """Weight in the base → its factors."""
    dense: Mapping[str, str]
    """Weight in the base → tensor in the file that takes its place: saved modules and biases."""
    copied: Mapping[str, str]
    """Weight in the base → its unchanged copy in the file, as the library saves beside an adapted embedding."""

    def factors(self, name: str) -> LowRank:
        """ΔW of one adapted weight, read now.

        Raises:
            KeyError: it has no factors under this name.
        """
        one = self.adapted[name]
        return one.factors(self.stored.rows(one.a), self.stored.rows(one.b))


def adapter(folder: Path, *, base: Whole, tied: bool) -> Adapter:
    """An adapter over this base, told by names and shapes alone.

    Args:
        tied: whether the base's output embedding is its input embedding. A change of either is refused then: the
            library would apply it at one end only, and a merge at both.

    Raises:
        ValueError: another kind of adapter, settings that change more than factors, or tensors that do not fit the
            base; one line naming the first.
        FileNotFoundError: no configuration or no weights.
    """
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a PEFT adapter folder")
    config = read_config(path)
    _plain_lora(path, config)
    reading = _Reading(path, config, stored(folder, stem="adapter_model"), base, tied)
    pairs: dict[str, dict[str, str]] = {}
    dense: dict[str, str] = {}
    copied: dict[str, str] = {}
    for name in reading.tensors.names:
        ending = next((ending for ending in FACTORS if name.endswith(ending)), None)
        if ending is not None:
            pairs.setdefault(name.removesuffix(ending), {})[FACTORS[ending]] = name
        else:
            kept = copied if name.endswith(".base_layer.weight") else dense
            kept[reading.replaced(name)] = name
    adapted = [reading.adapted(module, both) for module, both in pairs.items()]
    if len({one.name for one in adapted} | set(dense)) < len(adapted) + len(dense):
        raise ValueError(f"{folder}: one weight has factors and a saved copy, or factors twice; the adapter is damaged")
    by_name = MappingProxyType({one.name: one for one in adapted})
    order = {name: place for place, name in enumerate(reading.tensors.names)}
    firsts = {one.name: min(order[one.a], order[one.b]) for one in adapted} | {
        to: order[name] for to, name in dense.items()
    }
    names = tuple(sorted(firsts, key=firsts.__getitem__))
    for weight, name in copied.items():
        if not same(base.stored, base.weights[weight], reading.tensors, name):
            raise ValueError(
                f"{reading.where(name)}: not the content of {called(weight)} in {base.stored.folder}; "
                "an adapter of another base"
            )
    return Adapter(reading.tensors, config, names, by_name, MappingProxyType(dense), MappingProxyType(copied))


@dataclass(frozen=True)
class _Reading:
    path: Path
    config: Mapping[str, Any]
    tensors: Stored
    base: Whole
    tied: bool

    def replaced(self, name: str) -> str:
        """The weight of the base that a saved module or bias stands for."""
        if ".lora_" in name or not self.tensors.dtype(name).is_floating_point:
            raise ValueError(f"{self.where(name)}: not a plain LoRA tensor; this kind of adapter is not supported")
        weight = self.weight(name, name.replace(".base_layer.", "."))
        self.fit(name, weight, self.tensors.shape(name))
        return weight

    def adapted(self, module: str, both: Mapping[str, str]) -> Adapted:
        """The weight of the base that two factors change."""
        first = next(iter(both.values()))
        if len(both) < 2:
            raise ValueError(f"{self.where(first)}: has no other factor beside it; the adapter is damaged")
        a, b = self.tensors.shape(both["a"]), self.tensors.shape(both["b"])
        rank, scale = _strength(self.path, self.config, module.removeprefix(PREFIX))
        if len(a) != 2 or len(b) != 2 or a[0] != rank or b[1] != rank:
            raise ValueError(
                f"{self.where(first)}: factors {list(a)} and {list(b)}, while its configuration says {rank}"
            )
        weight = self.weight(first, f"{module}.weight")
        flipped = "lora_embedding" in first or self.is_conv1d(module)
        self.fit(first, weight, (a[1], b[0]) if flipped else (b[0], a[1]))
        return Adapted(weight, both["a"], both["b"], scale, flipped)

    def weight(self, name: str, called_so: str) -> str:
        """The name in the base's files: a base saved without its head lacks the first part of the path."""
        path = called_so.removeprefix(PREFIX)
        if self.tied and end((path,), (*INPUTS, *OUTPUTS)):
            raise ValueError(
                f"{self.where(name)}: changes one end of tied embeddings, which a merge would change at both; "
                "untie the base's (tie_word_embeddings) or leave them out of the adapter"
            )
        for candidate in (path, path.partition(".")[2]):
            if called_so.startswith(PREFIX) and candidate in self.base.weights:
                return candidate
        raise ValueError(
            f"{self.where(name)}: {self.base.stored.folder} has no {called(path)}; an adapter of another base"
        )

    def fit(self, name: str, weight: str, shape: tuple[int, ...]) -> None:
        """Refuse a change of another shape than the weight."""
        there = self.base.shape(weight)
        if shape != there:
            raise ValueError(
                f"{self.where(name)}: changes a weight of {list(shape)}, {called(weight)} in {self.base.stored.folder} "
                f"is {list(there)}; an adapter of another base"
            )

    def is_conv1d(self, module: str) -> bool:
        """Whether the base stores this layer as (in, out)."""
        return module.rsplit(".", 1)[-1] in CONV1D.get(str(self.base.config.get("model_type")), ())

    def where(self, name: str) -> str:
        """File and tensor."""
        return f"{self.tensors.file_of(name)}: {called(name)}"


def _plain_lora(path: Path, config: Mapping[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise ValueError(f"{path}: an adapter of type {_brief(config.get('peft_type'))}; only LORA can be repaired")
    for key, value in config.items():
        if key not in HARMLESS and value:
            raise ValueError(
                f"{path}: {_brief(key)} is {_brief(value)}; only plain LoRA can be repaired: merge it first"
            )
    if config.get("init_lora_weights") not in STARTS:
        raise ValueError(
            f"{path}: init_lora_weights is {_brief(config['init_lora_weights'])}, which changes the base whenever the "
            "adapter is loaded; save it converted to plain LoRA, or merged"
        )


def _strength(path: Path, config: Mapping[str, Any], module: str) -> tuple[int, float]:
    rank = _of_module(path, config, "r", "rank_pattern", module)
    alpha = _of_module(path, config, "lora_alpha", "alpha_pattern", module)
    if rank < 1 or rank != int(rank) or not 0 < alpha < math.inf:
        raise ValueError(f"{path}: r {rank} or lora_alpha {alpha} of {called(module)}; expected positive numbers")
    return int(rank), alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank


def _of_module(path: Path, config: Mapping[str, Any], key: str, patterns: str, module: str) -> float:
    value = config.get(key, 8)  # the library's own default
    for pattern, own in (config.get(patterns) or {}).items():
        try:
            matches = re.match(rf"(.*\.)?({pattern})$", module)
        except re.error as error:
            raise ValueError(f"{path}: {patterns}: {_brief(pattern)} is no regular expression ({error})") from error
        if matches:
            value = own
            break
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{path}: {key} of {called(module)} is {_brief(value)}; expected a number")
    return value


def _brief(value: object) -> str:
    return shorten(plain(str(value)), 60)
