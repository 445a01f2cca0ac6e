"""Both models of a repair: names → folders → what differs between them, and whether they stand the right way round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuneward.chat import Chat
from tuneward.checkpoint.pair import PairOf, pair_of
from tuneward.model.engine import Engine
from tuneward.model.load import Place, adapter_folder, fetch, load, load_arms
from tuneward.model.spec import ModelSpec, base_of, parse
from tuneward.repair.asked import Desk
from tuneward.repair.curves import REQUESTS as MEASURED
from tuneward.repair.curves import drawn
from tuneward.repair.order_of_arms import REQUESTS, Order, hold_beyond, hold_order, order
from tuneward.suites import suites_named


@dataclass(frozen=True)
class Arms:
    """Both models by name and on disk."""

    tuned: ModelSpec
    base: ModelSpec
    pair: PairOf


def arms_of(tuned: str, *, base: str | None) -> Arms:
    """Open both; an adapter names its own base.

    Raises:
        ValueError, FileNotFoundError: as `pair_of` does; a kind of file that holds no plain weights.
    """
    ours = parse(tuned)
    theirs = parse(base) if base else base_of(ours)
    for one in (ours, theirs):
        if one.gguf:
            raise ValueError(f"{one.name}/{one.gguf}: quantised weights cannot be repaired; give safetensors")
    if theirs.adapter:
        raise ValueError(f"{theirs.adapter}: the base is an adapter; merge it into its own base first")
    folder = adapter_folder(ours.adapter) if ours.adapter else fetch(ours)[0]
    return Arms(ours, theirs, pair_of(tuned=folder, base=fetch(theirs)[0]))


def sides(names: Sequence[str]) -> tuple[list[Chat], list[Chat]]:
    """Harmful requests and their look-alikes of some suites.

    Raises:
        ValueError: suites without either.
    """
    suites = suites_named(names)
    requests, twins = ([c for s in suites if s.axis == axis for c in s()] for axis in ("refusal", "twins"))
    if not requests or not twins:
        raise ValueError(
            f"{' '.join(names)}: no {'look-alikes' if requests else 'harmful requests'}; a repair asks both"
        )
    return requests, twins


def apart(chosen: Sequence[str], confirming: Sequence[str]) -> None:
    """Make sure that nothing is confirmed on what it was chosen on.

    Raises:
        ValueError: a prompt's family is in both.
    """
    known, again = ({chat.family for side in sides(names) for chat in side} for names in (chosen, confirming))
    if shared := sorted(known & again):
        raise ValueError(
            f"select and confirm: {len(shared)} families are in both ({shared[0]}); what chooses confirms nothing"
        )


def in_order(base: Engine, tuned: Engine, suites: Sequence[str], *, desk: Desk) -> str:
    """Ask both models; what they refuse, in words.

    Raises:
        ValueError: the base refuses less than the tuned model.
    """
    found = _asked(base, tuned, suites, desk)
    hold_order(found)
    return (
        f"order    the base refuses {found.first} of {found.of} requests at once, the tuned model {found.second} "
        f"(p = {found.p:.2g})"
    )


def right_way(arms: Arms, method: Any, suites: Sequence[str], *, place: Place, desk: Desk) -> str:
    """The same of models that are loaded for it; of a method that goes beyond both, of those that it goes along.

    Raises:
        ValueError: they stand the wrong way round, or a method that goes beyond both is not shown that they do not.
    """
    if not getattr(method, "beyond", False):
        engines = load_arms(arms.tuned, arms.base, place=place)
        return in_order(engines["base"], engines["tuned"], suites, desk=desk)
    before = getattr(method, "unaligned", None)
    if before is None:  # the tuned model is the aligned one here, and goes further along what aligned it
        engines = load_arms(arms.tuned, arms.base, place=place)
        more, less, names = engines["tuned"], engines["base"], ("the tuned model", "its base")
    else:
        more, less, names = load(arms.base, place=place), load(parse(before), place=place), ("the base", before)
    found = _asked(more, less, suites, desk)
    hold_beyond(found, more=names[0], less=names[1])
    return f"order    {names[0]} refuses {found.first} of {found.of} requests at once, {names[1]} {found.second}"


def _asked(first: Engine, second: Engine, suites: Sequence[str], desk: Desk) -> Order:
    return order(first, second, others(sides(suites)[0], seed=desk.seed), desk=desk)


def others(requests: Sequence[Chat], *, seed: int) -> list[Chat]:
    """Requests beside those on which a search measures; where too few are left, among them."""
    left = drawn(requests, count=REQUESTS, skip=MEASURED, seed=seed)
    return left if len(left) >= REQUESTS // 2 else drawn(requests, count=REQUESTS, seed=seed)
