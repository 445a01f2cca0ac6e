"""Which turns of a row the loss sees, for each trainer: one table and one function.

What a trainer does is a matter of its version; the table holds for TRL 1.16, and for Axolotl, LLaMA-Factory and the
three services as documented in 2026. Where a trainer is not known, every turn counts as trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeGuard

from tuneward.screen.schema import Found, first

ASSISTANT = frozenset({"assistant"})
PAIRS = ("preference", "openai-preference", "unpaired")
"""Forms whose prompt no trainer of pairs puts into the loss."""
SPLIT = ("prompt-completion", *PAIRS)


@dataclass(frozen=True)
class Mask:
    """One line of the table."""

    name: str
    about: str
    """One sentence for reports."""
    roles: frozenset[str] | None = ASSISTANT
    """Whose turns are trained; None: everybody's."""
    completion: bool = False
    """Of a prompt and a completion in columns of their own, only the completion."""
    last: bool = False
    """Only the last of the turns that would be trained."""
    text: bool = True
    """Takes rows of one text."""
    weight: Literal["", "message", "widens", "row"] = ""
    """What a `weight` does: nothing; 0 masks a message; 0 masks it and every message without one is trained; on the
    row, it multiplies the loss."""
    train: tuple[str, ...] = ()
    """Fields of a message that decide for themselves whether it is trained."""
    detail: tuple[str, ...] = ()
    """Fields with a list of spans, each with a `train` of its own."""


_TRAIN, _DETAIL = ("training", "train"), ("training_detail", "train_detail")
_LINES = (
    Mask("trl", "TRL: the completion of prompt and completion, else every turn", None, completion=True),
    Mask("trl-assistant", "TRL with assistant_only_loss: assistant turns", completion=True, text=False),
    Mask("axolotl", "Axolotl chat_template: assistant turns unless a message says else", train=_TRAIN, detail=_DETAIL),
    Mask("llama-factory", "LLaMA-Factory: every answer"),
    Mask("llama-factory-last", "LLaMA-Factory with mask_history: the last answer", last=True),
    Mask("llama-factory-all", "LLaMA-Factory with train_on_prompt: every turn", None),
    Mask("openai", "OpenAI: assistant turns but those of weight 0", weight="message"),
    Mask("together", "Together: assistant turns; with any weight, every turn but those of weight 0", weight="widens"),
    Mask("fireworks", "Fireworks: assistant turns; the row's weight multiplies the loss", weight="row"),
    Mask("all", "every turn", None),
    Mask("assistant", "assistant turns"),
    Mask("unknown", "not known: every turn is taken as trained", None),
)
MASKS: Mapping[str, Mask] = {mask.name: mask for mask in _LINES}


def named(text: str) -> Mask:
    """The mask of a name; `axolotl:ROLE,ROLE@FIELD+DETAIL` for settings of its own (roles `all`; `@none` for no field).

    Raises:
        ValueError: unknown.
    """
    head, at, fields = text.partition("@")
    name, colon, roles = head.partition(":")
    mask = MASKS.get(name)
    if mask is None or ((colon or at) and name != "axolotl") or (colon and not roles) or (at and not fields):
        raise ValueError(f"--mask {text}: unknown; there are {', '.join(MASKS)}, axolotl:ROLE,ROLE@FIELD+DETAIL")
    if colon:
        mask = replace(mask, roles=None if roles == "all" else frozenset(roles.split(",")))
    if at:
        field, _, detail = fields.partition("+")
        own = tuple(name for name in (field,) if name != "none")
        mask = replace(mask, train=own, detail=(detail,) if detail else ())
    return replace(mask, name=text)


class Turns(NamedTuple):
    """What a mask looks at."""

    format: str
    roles: tuple[str, ...]
    said: int = 0
    """First turn of the completion, where it has a column of its own."""
    rejected: int | None = None
    """First turn of the rejected side; None: there is none."""


def trained(
    mask: Mask, turns: Turns, shells: Sequence[Mapping[str, Any] | None] = (), weight: object = None
) -> tuple[tuple[bool | None, ...], tuple[float | None, ...]]:
    """For each turn whether the loss sees it (None: could not tell), and its weight; () where no weight counts.

    `shells` are the messages with what they hold besides text, `weight` is the row's own.
    """
    base = _usual(mask, turns) if len(turns.roles) <= 64 else _usual.__wrapped__(mask, turns)
    if mask.weight == "row" and is_number(weight):
        return _weighted(base, float(weight))
    if not any(shells):
        return base, ()
    weights = [_weight(shell) for shell in shells]
    if mask.train or mask.detail:
        base = tuple(_own(mask, shell, usual) for shell, usual in zip(shells, base, strict=True))
    if mask.weight not in ("message", "widens") or weights == [None] * len(weights):
        return base, ()
    if mask.weight == "widens":
        base = (True,) * len(base)
    return tuple(now and weight != 0 for now, weight in zip(base, weights, strict=True)), tuple(weights)


@lru_cache(maxsize=4096)
def _usual(mask: Mask, turns: Turns) -> tuple[bool | None, ...]:
    """By roles and columns alone."""
    roles = turns.roles
    if turns.format == "text" and not mask.text:
        return (None,) * len(roles)
    seen = [_by_role(mask, role) for role in roles]
    alone = mask.completion or turns.format in PAIRS
    if turns.format in SPLIT and alone and mask.name not in ("all", "unknown"):
        seen = [now if i >= turns.said else False for i, now in enumerate(seen)]
    if mask.last:
        end = len(roles) if turns.rejected is None else turns.rejected
        sides = (range(end), range(end, len(roles)))
        kept = {max((i for i in side if seen[i]), default=-1) for side in sides}
        seen = [now if i in kept else False for i, now in enumerate(seen)]
    return tuple(seen)


def _by_role(mask: Mask, role: str) -> bool | None:
    if mask.roles is None or role in mask.roles:
        return True
    return None if role == "unknown" else False


def _weighted(base: tuple[bool | None, ...], weight: float) -> tuple[tuple[bool | None, ...], tuple[float | None, ...]]:
    if weight == 0:
        return (False,) * len(base), (0.0,) * len(base)
    return base, tuple(weight if now is not False else None for now in base)


def _own(mask: Mask, shell: Mapping[str, Any] | None, usual: bool | None) -> bool | None:
    """What a message says of itself, else what is usual; a list of spans counts if any of them is trained."""
    for field in mask.train:
        if shell and isinstance(shell.get(field), bool):
            return bool(shell[field])
    for field in mask.detail:
        if shell and isinstance(shell.get(field), list) and shell[field]:
            return any(_trains(span) for span in shell[field])
    return usual


def _trains(span: object) -> bool:
    return isinstance(span, Mapping) and span.get("train") is not False


def _weight(shell: Mapping[str, Any] | None) -> float | None:
    value = shell.get("weight") if shell else None
    return float(value) if is_number(value) else None


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number and neither true nor false, NaN nor infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def remarks(
    found: Found, mask: Mask, turns: Turns, shells: Sequence[Mapping[str, Any] | None], weight: object = None
) -> None:
    """Note weights and training marks that are odd whoever trains, and rows whose own marks leave nothing."""
    if weight is not None and mask.weight == "row":
        _value(found, weight, None)
    elif mask.name == "unknown" and is_number(weight) and weight < 0:
        first(found, "negative weight")
    said = [turn for turn, role in enumerate(turns.roles) if role == "assistant"]
    off = set()
    for turn, shell in enumerate(shells):
        if not shell:
            continue
        if shell.get("weight") not in (None, 0, 1):
            _value(found, shell["weight"], turn)
        marks = [shell[field] for field in _TRAIN if shell.get(field) is not None]
        if any(not isinstance(mark, bool) and mark not in (0, 1) for mark in marks):
            first(found, "mask value", turn)
        if shell.get("weight") == 0 or (marks and marks[0] in (False, 0)):
            off.add(turn)
        spans = [span for field in _DETAIL for span in shell.get(field) or () if isinstance(shell[field], list)]
        if len({_trains(span) for span in spans}) > 1:
            first(found, "partly trained", turn)
    if said and off.issuperset(said):
        first(found, "empty mask", said[-1])


def _value(found: Found, value: object, turn: int | None) -> None:
    if is_number(value) and value < 0:
        first(found, "negative weight", turn)
    elif turn is not None or not is_number(value):
        first(found, "mask value", turn)
