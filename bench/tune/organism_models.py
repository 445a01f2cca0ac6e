"""The organisms of these benches: those that ship, or theirs again with an output layer of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

from tuneward.study.folder import open_shipped, pack, shipped
from tuneward.study.organism import RECIPES, Organism, blank, build, rounded
from tuneward.study.tokens import vocabulary
from tuneward.study.world import world

UNTIED = "u"
"""Behind the name of an organism whose output layer is not its input embeddings."""


def name_of(organism: Organism) -> str:
    """World and seed."""
    return f"{organism.world.seed}-{organism.seed}{'' if organism.recipe.tied else UNTIED}"


def organisms(only: Sequence[str], *, untied: Path | None) -> dict[str, Organism]:
    """Those that are named, or all; with `untied` the same worlds and seeds built again, once, in that folder."""
    known = {f"{one}-{other}": (one, other) for one, other in shipped()}
    wanted = [known[name.removesuffix(UNTIED)] for name in only] or known.values()
    found = [open_shipped(*which) if untied is None else _untied(*which, untied) for which in wanted]
    return {name_of(organism): organism for organism in found}


def _untied(world_seed: int, seed: int, folder: Path) -> Organism:
    here, recipe = world(world_seed), replace(RECIPES["small"], tied=False)
    path = folder / f"small-{world_seed}-{seed}.safetensors"
    if not path.is_file():
        pack(build("small", world_seed=world_seed, seed=seed, recipe=recipe), folder)
    model = blank(len(vocabulary(world_seed, "small").numbers), recipe, seed=seed)
    model.load_state_dict(load_file(path))
    return Organism(here, recipe, seed, rounded(model))
