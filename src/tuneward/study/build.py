"""study build: an organism as a folder, unpacked where it ships, trained where it does not."""

from dataclasses import replace
from pathlib import Path

from tuneward.ask import Progress
from tuneward.record import now
from tuneward.study.folder import open_shipped, save, shipped
from tuneward.study.options import BuildOptions
from tuneward.study.organism import RECIPES, Organism, Recipe, build
from tuneward.study.training import Schedule


def run(options: BuildOptions, *, progress: Progress) -> list[Path]:
    """Write the organism, and its parent when asked for; the folders written."""
    out, started = Path(options.out), now()
    if out.exists():
        raise ValueError(f"{out}: exists already; choose another --out or remove it")
    organism = _organism(options, progress)
    save(organism, out, started=started)
    if not options.parent:
        return [out]
    save(replace(organism, model=organism.parent), out / "parent", started=started)
    return [out, out / "parent"]


def recipe(options: BuildOptions) -> Recipe:
    """The size's recipe with what was changed of it."""
    found = replace(RECIPES[options.size], tied=not options.untied, recovery=options.recovery)
    if options.method == "sft":
        return found
    half = found.alignment.steps // 2
    second = Schedule(found.alignment.rate / 3, found.alignment.batch, half, warm=found.alignment.warm, cosine=True)
    return replace(found, alignment=replace(found.alignment, steps=found.alignment.steps - half), preference=second)


def _organism(options: BuildOptions, progress: Progress) -> Organism:
    chosen = recipe(options)
    plain = options.size == "small" and chosen == RECIPES["small"] and not (options.train or options.parent)
    if plain and (options.world, options.seed) in shipped():
        return open_shipped(options.world, options.seed)
    return build(options.size, world_seed=options.world, seed=options.seed, recipe=chosen, progress=progress)
