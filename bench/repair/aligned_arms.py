"""Everything that is tried on a child of the aligned SmolLM2, and what each of it needs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aligned_beds import Child
from ways import UNALIGNED, Arm, Subject, aligned, blend, grid, plain, put, repaired, safe_delta, search, tuned

from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.log_mix import LogMix
from tuneward.model.load import Place, load, load_arms
from tuneward.model.spec import parse
from tuneward.repair.alignment import Projector
from tuneward.repair.points import Limits
from tuneward.repair.resta import Resta
from tuneward.repair.safe_lora import SafeLora
from tuneward.repair.safe_merge import SafeMerge
from tuneward.repair.soup import Soup
from tuneward.repair.task_arithmetic import TaskArithmetic

SAFE, SOUP, LOX = "safe", "soup", "lox"
"""A safety-tuned child; more children than one; a child tuned from the hardened model."""


def moved(method: Any) -> Callable[[Child], Subject]:
    """By a method that moves weights no adapter can hold."""
    return lambda child: put(child, method(child)(child.flat))


def soup(child: Child) -> Soup:
    """With the next child, which has another seed."""
    others = child.options.tuned
    return Soup((str(others[(others.index(child.folder) + 1) % len(others)]),))


def lora(threshold: float, projector: Projector) -> Callable[[Child], Subject]:
    """Safe LoRA."""
    return repaired(lambda child: SafeLora(str(child.options.unaligned), threshold=threshold, projector=projector))


def lox(child: Child) -> Subject:
    """What the same tuning makes of the hardened model."""
    place = child.options.tuned.index(child.folder)
    return loaded(child, child.options.lox[place], base=child.options.hardened)


def hardened(child: Child) -> Subject:
    """Before it is tuned."""
    return loaded(child, child.options.hardened)


def loaded(child: Child, folder: Path, *, base: Path | None = None) -> Subject:
    """A model as it lies on disk; BASE is what an adapter must have been tuned from."""
    place = Place(child.options.device, "float32")
    if base is None:
        return plain(load(parse(str(folder)), place=place))
    return plain(load_arms(parse(str(folder)), parse(str(base)), place=place)["tuned"])


def merge(share: float, projector: Projector) -> Callable[[Child], Subject]:
    """SafeMERGE, at the threshold of its paper where the projector is that of its paper."""
    threshold = 0.35 if projector == "published" else 0.5

    def method(child: Child) -> SafeMerge:
        before, safe = str(child.options.unaligned), str(child.options.safe)
        return SafeMerge(before, safe, threshold=threshold, share=share, projector=projector)

    return repaired(method)


def added(kind: type[TaskArithmetic] | type[Resta], strength: float) -> Callable[[Child], Subject]:
    """Alignment once more."""
    return moved(lambda child: kind(str(child.options.unaligned), strength))


PROJECTORS: tuple[Projector, ...] = ("rank", "published")
ARMS: Mapping[str, Arm] = MappingProxyType(
    {
        "aligned": Arm("aligned", None, aligned),
        "tuned": Arm("tuned", None, tuned),
        "search": Arm("search", None, search(["wise-ft"], per_layer=True)),
        "search one share": Arm("search one share", None, search(["wise-ft"])),
        **{
            f"{name} lost .05": Arm(f"{name} lost .05", None, search(["wise-ft"], per_layer=layers, limits=limits))
            for name, layers, limits in (
                ("search", True, Limits(0.75, 0.05)),
                ("search one share", False, Limits(0.0, 0.05)),
            )
        },
        **dict(grid()),
        **{f"log-mix {w:g}": Arm("log-mix", w, blend(LogMix(w))) for w in (0.8, 0.6, 0.5, 0.3)},
        **{f"first-tokens {m}": Arm("first-tokens", -m, blend(FirstTokens(first=m))) for m in (2, 5)},
        **{f"gated {t:g}": Arm("gated", t, blend(Gated(t))) for t in (0.9, 0.5)},
        "search safe-delta": Arm("search safe-delta", None, search(["safe-delta"])),
        **{f"safe-delta {keep:g}": Arm("safe-delta", keep, safe_delta(keep)) for keep in (0.7, 0.6, 0.5, 0.4)},
        "soup": Arm("soup", None, repaired(soup), SOUP),
        **{
            f"safe-lora {kind} {t:g}": Arm(f"safe-lora {kind}", -t, lora(t, kind), UNALIGNED)
            for kind in PROJECTORS
            for t in (0.3, 0.5, 0.7)
        },
        **{
            f"safe-merge {kind} {share:g}": Arm(f"safe-merge {kind}", share, merge(share, kind), SAFE)
            for kind in PROJECTORS
            for share in (0.8, 0.5)
        },
        **{
            f"task-arithmetic {s:g}": Arm("task-arithmetic", -s, added(TaskArithmetic, s), UNALIGNED)
            for s in (0.1, 0.25, 0.5)
        },
        **{f"resta {s:g}": Arm("resta", -s, added(Resta, s), UNALIGNED) for s in (0.1, 0.25, 0.5)},
        "lox": Arm("lox", None, lox, LOX),
        "lox, not tuned": Arm("lox, not tuned", None, hardened, LOX),
    }
)
"""The search comes early: it and the grid are what the bench is for. `search` is the verb's own, on an adapter; with
.05 lost, three quarters of the gain are asked for, or of one share whatever it keeps."""
