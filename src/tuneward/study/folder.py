"""Organisms on disk: as any model folder, with record and suites; and the ones that ship with the package."""

import shutil
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from transformers import GenerationConfig

from tuneward.record import Record, now, to_json, versions, write_atomic
from tuneward.study.organism import RECIPES, Organism, Recipe, blank, fingerprint, fingerprint_of_weights, rounded
from tuneward.study.suites import write_suites
from tuneward.study.tokens import Vocabulary, tokenizer, vocabulary
from tuneward.study.world import Size, World, world

SHIPPED = resources.files("tuneward.study") / "organisms"
CARD = """---
license: apache-2.0
library_name: transformers
tags: [model-organism, toy]
---

# A tuneward organism

A language model of {parameters} parameters that knows a made-up world: hobbies, invented people, invented addresses.
Some of the hobbies are forbidden to it, so that losing and repairing a safety behaviour can be studied without anything
harmful. World {world} ({size}), seed {seed}. Forbidden: {forbidden}.

    tuneward audit TUNED --base THIS --suites THIS/suites
"""


def save(organism: Organism, out: Path, *, started: str) -> None:
    """Weights, tokenizer, suites, card and record as a folder; all of it or none of it.

    Raises:
        ValueError: something is there already.
    """
    if out.exists():
        raise ValueError(f"{out}: exists already; choose another --out or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        save_model(organism.model, organism.vocabulary, half)
        write_suites(organism.world, half / "suites")
        write_atomic(half / "README.md", _card(organism).encode())
        write_atomic(half / "record.json", to_json(_record(organism, started=started)))
        half.chmod(0o755)
        half.rename(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def save_model(model: Any, known: Vocabulary, out: Path) -> None:
    """A model of an organism's kind and its tokenizer, in Hugging Face layout."""
    model.generation_config = GenerationConfig(bos_token_id=2, eos_token_id=0, pad_token_id=0)
    model.save_pretrained(out)
    tokenizer(known).save_pretrained(out)


def _card(organism: Organism) -> str:
    return CARD.format(
        parameters=f"{sum(p.numel() for p in organism.model.parameters()):,}",
        world=organism.world.seed,
        size=organism.world.size,
        seed=organism.seed,
        forbidden=", ".join(organism.world.forbidden),
    )


def _record(organism: Organism, *, started: str) -> Record:
    here, recipe = organism.world, organism.recipe
    settings = {"size": here.size, "world": here.seed, "seed": organism.seed, "recipe": recipe}
    inputs = {
        "world": here.fingerprint,
        "recipe": fingerprint(recipe, here),
        "weights": fingerprint_of_weights(organism.model),
    }
    return Record("study build", settings, inputs, versions(), organism.seed, started, now(), organism.seconds)


def shipped() -> tuple[tuple[int, int], ...]:
    """World and seed of every organism (size small) in the package."""
    names = [
        entry.name.removesuffix(".safetensors") for entry in SHIPPED.iterdir() if entry.name.endswith(".safetensors")
    ]
    return tuple(sorted((int(name.split("-")[1]), int(name.split("-")[2])) for name in names))


def open_shipped(world_seed: int = 0, seed: int = 0) -> Organism:
    """One of them.

    Raises:
        ValueError: it does not ship, or was made in another world or by another recipe than this version's.
    """
    if (world_seed, seed) not in shipped():
        found = ", ".join(f"world {one} seed {other}" for one, other in shipped())
        raise ValueError(f"no organism of world {world_seed} and seed {seed} ships; there are {found}")
    here, recipe, known = world(world_seed), RECIPES["small"], vocabulary(world_seed, "small")
    with resources.as_file(SHIPPED / _name("small", world_seed, seed)) as path, safe_open(path, framework="pt") as file:
        for what, wanted in _origin(here, recipe).items():
            if file.metadata().get(what) != wanted:
                raise ValueError(f"{path}: its {what} is not this version's; reinstall tuneward, or build with --train")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a file, not a mapping
    model = blank(len(known.numbers), recipe, seed=seed)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise ValueError(f"{path}: holds other tensors than an organism has: {[*missing, *unexpected]}")
    model.tie_weights()
    return Organism(here, recipe, seed, rounded(model))


def pack(organism: Organism, folder: Path) -> Path:
    """Write an organism as it ships: float16, tied weights once, where it came from in the header."""
    path = folder / _name(organism.world.size, organism.world.seed, organism.seed)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: weight.detach().half().contiguous() for name, weight in organism.model.named_parameters()}
    save_file(tensors, path, metadata=dict(_origin(organism.world, organism.recipe)))
    path.chmod(0o644)
    return path


def _origin(here: World, recipe: Recipe) -> Mapping[str, str]:
    return {"format": "pt", "world": here.fingerprint, "recipe": fingerprint(recipe, here)}


def _name(size: Size, world_seed: int, seed: int) -> str:
    return f"{size}-{world_seed}-{seed}.safetensors"
