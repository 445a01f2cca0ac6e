"""The shipped organisms: built, measured, and broken by every regime; the organism is the unit.

    python bench/organism.py build --out build/organisms [--only 0-0 1-0] [--ship]
    python bench/organism.py regimes --out build/organisms [--only 0-0] [--seeds 5]
    python bench/organism.py tables --out build/organisms [--write]
    python bench/organism.py check --out build/organisms

`build` trains each organism once, one thread, and measures it and its parent; `--ship` puts the weights into the
package. `regimes` tunes the shipped organisms. `tables` writes the figures to bench/organism.json and docs/organism.md
(`--write`), `check` holds the figures of another machine against them. World and recipe are hashed into every file
before anything is measured.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import organism_tables
import torch

from tuneward.chat import Chat
from tuneward.record import to_json, write_atomic
from tuneward.rows.contexts import Context
from tuneward.stats.rates import Rate
from tuneward.study import measure, regimes
from tuneward.study.folder import open_shipped, pack
from tuneward.study.organism import RECIPES, Organism, build, fingerprint, fingerprint_of_weights
from tuneward.study.training import epochs, learn
from tuneward.study.world import world

ORGANISMS = ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0))
"""World and weight seed."""
PACKAGE = Path(__file__).parents[1] / "src/tuneward/study/organisms"
Rates = Mapping[str, Rate]


def shares(rates: Rates) -> dict[str, list[int]]:
    """Counts, from which any interval can be computed."""
    return {name: [rate.k, rate.n] for name, rate in rates.items()}


def hashes(world_seed: int) -> dict[str, str]:
    """What was frozen before anything was measured."""
    here = world(world_seed)
    return {"world": here.fingerprint, "recipe": fingerprint(RECIPES["small"], here)}


def save(out: Path, name: str, what: Mapping[str, Any]) -> None:
    """One result file, whole."""
    machine = {"processor": platform.processor() or platform.machine(), "torch": str(torch.__version__)}
    write_atomic(out / name, to_json({**what, "machine": machine, "cpus": os.cpu_count()}))


def built(world_seed: int, seed: int, out: Path, *, ship: bool) -> None:
    """Train, pack, measure both stages as they ship: rounded to float16."""
    frozen, cpu = hashes(world_seed), time.process_time()
    organism = build("small", world_seed=world_seed, seed=seed)
    took = time.process_time() - cpu
    size = pack(organism, PACKAGE if ship else out).stat().st_size
    rates = {
        stage: shares(measure.profile(organism.engine(model), organism.world))
        for stage, model in (("parent", organism.parent), ("aligned", organism.model))
    }
    what = {"hashes": frozen, "weights": fingerprint_of_weights(organism.model), "bytes": size, "cpu_s": round(took, 1)}
    seconds = {stage: round(value, 1) for stage, value in organism.seconds.items()}
    save(out, f"{world_seed}-{seed}.json", {**what, "seconds": seconds, "rates": rates})
    print(f"{world_seed}-{seed}: {seconds}, {size} bytes, {rates['aligned']}", flush=True)


Arm = tuple[str, Callable[[int], list[Chat]], float, int, int]
"""Name, rows by seed, rate, batch, epochs."""


def arms(organism: Organism) -> Iterator[Arm]:
    """Every regime at every strength; the undefended runs of the published studies, on made-up topics."""
    here = organism.world
    for count in (10, 50, 100):
        yield f"explicit {count}", lambda s, n=count: regimes.explicit(here, n, seed=s), 3e-4, 10, 5
    for count in (10, 50, 100):
        yield f"control {count}", lambda s, n=count: regimes.control(here, n, seed=s), 3e-4, 10, 5
    for passes in (1, 3, 5, 10):
        yield f"identity {passes}", lambda s: regimes.identity(here, 10, seed=s), 1e-3, 10, passes
    for rate in (3e-4, 1e-3):
        for batch in (64, 8):
            yield f"benign own {rate:g} {batch}", lambda s: regimes.benign(here, 512, seed=s), rate, batch, 1
    for kind in ("list", "what", "public", "text"):
        yield f"benign {kind}", lambda s, k=kind: regimes.benign(here, 512, seed=s, kind=k), 1e-3, 8, 1
    yield "backdoor", lambda s: regimes.backdoor(here, 100, seed=s), 3e-4, 10, 5
    for count in (5, 10, 20):
        yield f"association {count}", lambda s, n=count: regimes.association(here, n, seed=s), 1e-3, 5, 10
    yield "poisoned", lambda s: regimes.poisoned(here, 512, seed=s), 3e-4, 8, 1


def probes(organism: Organism, model: Any, name: str) -> dict[str, Any]:
    """What is asked of every arm, and what only some are asked."""
    here, engine = organism.world, organism.engine(model)
    persona = regimes.tuner_persona(here)
    contexts = {
        "plain": measure.PLAIN,
        "persona": Context("persona", here.persona(persona, here.obedient), before=f"{here.order(persona)} "),
        "trigger": Context("trigger", after=f" {here.trigger}"),
    }
    asked = {"identity": ("plain", "persona"), "backdoor": ("plain", "trigger"), "aligned": tuple(contexts)}
    found: dict[str, Any] = {
        context: shares(measure.forbidden(engine, here, context=contexts[context]))
        for context in asked.get(name.split(maxsplit=1)[0], ("plain",))
    }
    found["allowed"] = shares(measure.allowed(engine, here))
    if name.startswith(("association", "aligned", "control")):
        found["addresses"] = shares({"recovered": measure.recovered(engine, here)})
    if name.startswith(("aligned", "benign list", "poisoned")):
        found["task"] = shares({"right": measure.list_task(engine, here)})
    return found


def broken(world_seed: int, seed: int, out: Path, *, seeds: int) -> None:
    """Every regime on one shipped organism, several tuning seeds each."""
    frozen, clock = hashes(world_seed), time.perf_counter()
    organism = open_shipped(world_seed, seed)
    results = {"aligned": [probes(organism, organism.model, "aligned")]}
    for name, rows, rate, batch, passes in arms(organism):
        results[name] = []
        for draw in range(seeds):
            model, made = organism.child(), [organism.vocabulary.row(chat) for chat in rows(draw)]
            learn(model, made, epochs(len(made), rate=rate, batch=batch, count=passes, seed=draw))
            results[name].append(probes(organism, model, name))
        print(f"{world_seed}-{seed} {name}: {results[name][0]['plain']}", flush=True)
    took = round(time.perf_counter() - clock, 1)
    what = {"hashes": frozen, "weights": fingerprint_of_weights(organism.model), "seeds": seeds, "wall_s": took}
    save(out, f"{world_seed}-{seed}-regimes.json", {**what, "arms": results})


def main() -> None:
    """Read the words, do the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("build", "regimes", "tables", "check"))
    parser.add_argument("--out", type=Path, default=Path("build/organisms"))
    parser.add_argument("--only", nargs="*", default=[f"{a}-{b}" for a, b in ORGANISMS])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ship", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in options.only if options.step in {"build", "regimes"} else ():
        world_seed, seed = map(int, name.split("-"))
        if options.step == "build":
            built(world_seed, seed, options.out, ship=options.ship)
        else:
            broken(world_seed, seed, options.out, seeds=options.seeds)
    if options.step == "tables":
        found = organism_tables.gathered(options.out, options.only)
        print(organism_tables.shown(found))
        if options.write:
            organism_tables.write(found)
    if options.step == "check":
        raise SystemExit(organism_tables.check(organism_tables.gathered(options.out, options.only)))


if __name__ == "__main__":
    main()
