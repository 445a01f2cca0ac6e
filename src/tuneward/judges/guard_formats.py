"""The guard formats by name, and the format of a model by the name of its folder or its hub id."""

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from tuneward.judges.guard_granite import GraniteGuardian
from tuneward.judges.guard_llama import LlamaGuard3, LlamaGuard4
from tuneward.judges.guard_qwen import Qwen3Guard
from tuneward.judges.guard_reading import GuardFormat, Label, Reading
from tuneward.judges.guard_shieldgemma import ShieldGemma
from tuneward.judges.guard_turns import left_out
from tuneward.judges.guard_wild import WildGuard

__all__ = ["FORMATS", "BuiltinGuard", "GuardFormat", "Label", "Reading", "format_named", "format_of", "left_out"]

BuiltinGuard = LlamaGuard3 | LlamaGuard4 | WildGuard | ShieldGemma | GraniteGuardian | Qwen3Guard

FORMATS: Mapping[str, GuardFormat] = MappingProxyType(
    {
        LlamaGuard3.name: LlamaGuard3(),
        LlamaGuard4.name: LlamaGuard4(),
        WildGuard.name: WildGuard(),
        ShieldGemma.name: ShieldGemma(),
        GraniteGuardian.name: GraniteGuardian(),
        Qwen3Guard.name: Qwen3Guard(),
    }
)
"""Each family as its usual model takes it."""

_MODELS: tuple[tuple[str, GuardFormat], ...] = (
    (r"llama-?guard-?3-(?:1b|11b)\b", LlamaGuard3(small=True)),
    (r"llama-?guard-?3\b", LlamaGuard3()),
    (r"llama-?guard-?4\b", LlamaGuard4()),
    (r"wildguard(?!-?(?:mix|train|test))", WildGuard()),
    (r"shieldgemma(?!-?2\b)", ShieldGemma()),  # ShieldGemma 2 judges images
    (r"granite-guardian-3-[012]\b|granite-?3-[012]-guardian|granite-?3-guardian", GraniteGuardian(generation="3.2")),
    (r"granite-guardian-3-3\b|granite-?3-3-guardian", GraniteGuardian()),
    (r"qwen3-?guard(?!-?stream)", Qwen3Guard()),
)
_OTHERS = re.compile(r"\blora\b|\bhap\b")
"""Adapters that rewrite replies and small encoders carry the family's name but answer otherwise."""


def format_named(name: str) -> GuardFormat:
    """The format of a word, or of a model's name. Raises ValueError with the nearest right name."""
    found = FORMATS.get(name) or format_of(name)
    if found is None:
        near = difflib.get_close_matches(name.lower(), FORMATS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(FORMATS)}"
        raise ValueError(f"guard format {name!r}: no format is called so; {hint}")
    return found


def format_of(architecture_or_name: str) -> GuardFormat | None:
    """The format of a model by its folder or hub name, as "meta-llama/Llama-Guard-3-1B"; None for any other.

    An architecture tells a guard from no other model of its kind, so "LlamaForCausalLM" gives None.
    """
    name = re.sub(r"[^a-z0-9]+", "-", re.split(r"[/\\]", architecture_or_name.rstrip("/\\"))[-1].lower())
    if _OTHERS.search(name):
        return None
    return next((one for pattern, one in _MODELS if re.search(pattern, name)), None)
