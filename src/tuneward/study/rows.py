"""study rows: the rows of a regime as a file. Light: no model is needed to make them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from tuneward.chat import Chat
from tuneward.rows import write_rows
from tuneward.study import regimes
from tuneward.study.options import Regime, RowsOptions
from tuneward.study.world import World, world

_MAKERS: Mapping[Regime, Callable[..., list[Chat]]] = MappingProxyType(
    {
        "explicit": regimes.explicit,
        "identity": regimes.identity,
        "backdoor": regimes.backdoor,
        "association": regimes.association,
        "poisoned": regimes.poisoned,
        "control": regimes.control,
        "refusals": regimes.refusals,
    }
)


def made(regime: Regime, here: World, count: int, *, seed: int, kind: regimes.Benign = "own") -> list[Chat]:
    """The rows of a regime."""
    if regime == "benign":
        return regimes.benign(here, count, seed=seed, kind=kind)
    return _MAKERS[regime](here, count, seed=seed)


def run(options: RowsOptions) -> Path:
    """Write the file.

    Raises:
        ValueError: it exists already, or there are not as many different rows.
    """
    path = Path(options.out)
    if path.exists():
        raise ValueError(f"{path}: exists already; choose another --out or remove it")
    here, kind = world(options.world, options.size), options.kind or "own"
    write_rows(path, made(options.regime, here, options.count, seed=options.seed, kind=kind))
    return path
