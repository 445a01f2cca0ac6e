"""Everything that is tried on a tuned organism: repairs of its weights, blends of what it says, searches."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from organism_beds import Bed, opened
from ways import UNALIGNED, Arm, Subject, aligned, blend, grid, plain, repaired, safe_delta, search, tuned

from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.log_mix import LogMix
from tuneward.repair.lox import LoX
from tuneward.repair.resta import Resta
from tuneward.repair.safe_lora import SafeLora
from tuneward.repair.safe_merge import SafeMerge
from tuneward.repair.soup import Soup
from tuneward.repair.task_arithmetic import TaskArithmetic


def hardened(coefficient: float, *, learn: bool) -> Callable[[Bed], Subject]:
    """LoX before tuning; or without any."""

    def make(bed: Bed) -> Subject:
        folder = bed.hardened(LoX(coefficient=coefficient))
        if learn:
            folder = bed.learnt(f"tuned-{folder.name.split('-', 2)[2]}", bed.seed, folder)
        return plain(opened(folder))

    return make


def soup(bed: Bed) -> Soup:
    """With a second tuning of the same plan on rows drawn by the next seed."""
    return Soup((str(bed.learnt("tuned", bed.seed + 1, bed.base)),))


PROJECTORS = (("rank", 0.5), ("published", 0.35))
"""With the threshold of SafeMERGE: the paper's, which was chosen for the published one, and that of Safe LoRA."""
PLAIN = ", plain prompts"
"""Behind a search's name: it does not ask its requests as the rows do too. Only where rows have a context."""
SEARCHES: Mapping[str, Callable[[Bed], Subject]] = MappingProxyType(
    {
        "search one share": search(["wise-ft"]),
        "search layers": search(["wise-ft"], per_layer=True),
        "search safe-delta": search(["safe-delta"]),
        "search": search(["wise-ft", "safe-delta"], per_layer=True),
    }
)
"""The last one is the verb's own: one share, shares per layer, Safe Delta."""
ARMS: Mapping[str, Arm] = MappingProxyType(
    {
        "aligned": Arm("aligned", None, aligned),
        "tuned": Arm("tuned", None, tuned),
        **dict(grid()),
        **{name: Arm(name, None, make) for name, make in SEARCHES.items()},
        **{
            f"safe-delta {keep:g}": Arm("safe-delta", keep, safe_delta(keep))
            for keep in (0.7, 0.66, 0.62, 0.6, 0.58, 0.56, 0.54)
        },
        "soup of 2": Arm("soup of 2", None, repaired(soup)),
        **{f"log-mix {w:g}": Arm("log-mix", w, blend(LogMix(w))) for w in (0.8, 0.6, 0.5, 0.3)},
        **{f"first-tokens {m}": Arm("first-tokens", -m, blend(FirstTokens(first=m))) for m in (2, 5)},
        **{f"gated {t:g}": Arm("gated", t, blend(Gated(t))) for t in (0.9, 0.5, 0.1)},
        **{
            f"safe-lora {kind} {threshold:g}": Arm(
                f"safe-lora {kind}",
                -threshold,
                repaired(lambda bed, t=threshold, k=kind: SafeLora(str(bed.unaligned), threshold=t, projector=k)),
                UNALIGNED,
            )
            for kind, _ in PROJECTORS
            for threshold in (0.3, 0.5, 0.7, 0.9)
        },
        **{
            f"safe-merge {kind} {share:g}": Arm(
                f"safe-merge {kind}",
                share,
                repaired(
                    lambda bed, s=share, k=kind, t=threshold: SafeMerge(
                        str(bed.unaligned), str(bed.safe), threshold=t, share=s, projector=k
                    )
                ),
                UNALIGNED,
            )
            for kind, threshold in PROJECTORS
            for share in (0.8, 0.5)
        },
        **{
            f"task-arithmetic {s:g}": Arm(
                "task-arithmetic", -s, repaired(lambda bed, s=s: TaskArithmetic(str(bed.unaligned), s)), UNALIGNED
            )
            for s in (0.1, 0.25, 0.5)
        },
        **{
            f"resta {s:g}": Arm("resta", -s, repaired(lambda bed, s=s: Resta(str(bed.unaligned), s)), UNALIGNED)
            for s in (0.1, 0.25, 0.5)
        },
        **{f"lox {c:g}": Arm("lox", -c, hardened(c, learn=True), UNALIGNED) for c in (0.25, 0.5, 1.25)},
        "lox 1.25, not tuned": Arm("lox 1.25, not tuned", None, hardened(1.25, learn=False), UNALIGNED),
        **{name + PLAIN: Arm(name + PLAIN, None, SEARCHES[name]) for name in ("search one share", "search")},
    }
)
