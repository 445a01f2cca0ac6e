"""The organism: pre-trained to answer everything, aligned to refuse made-up topics (house method).

Alignment keeps the embeddings and the last block's feed-forward layer as they were: what pre-training knew stays
known, sealed behind a refusal at the first word, which is what published alignment looks like from outside.
"""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tuneward.ask import Progress, unseen
from tuneward.model.engine import Engine, in_memory
from tuneward.record import digest, sha256_bytes
from tuneward.study import corpus
from tuneward.study.preference import preference_loss, preferences
from tuneward.study.tokens import Vocabulary, tokenizer, vocabulary
from tuneward.study.training import Schedule, learn, optimise
from tuneward.study.world import Size, World, world

LONGEST = 256
"""Positions."""


@dataclass(frozen=True)
class Recipe:
    """How an organism is made, apart from its world and its seed."""

    pretraining: Schedule
    alignment: Schedule
    width: int = 64
    layers: int = 2
    heads: int = 4
    key_value_heads: int = 2
    spread: float = 0.02
    """Standard deviation of the first weights; at 0.06 a short pre-training reliably finds how answers are composed."""
    tied: bool = True
    """Whether the embeddings read and write; an untied organism can train its head alone."""
    recovery: float = 0.0
    """Share of rows that refuse after the first words of an answer."""
    preference: Schedule | None = None
    """Preferences after the rows (DPO); none unless given."""


def fingerprint(recipe: Recipe, here: World) -> str:
    """sha256 of the recipe and of rows of both stages: what makes an organism, whoever runs it."""
    rows = [stage(here, 500, seed=0) for stage in (corpus.pretraining, corpus.alignment)]
    return digest([recipe, here, rows])


def fingerprint_of_weights(model: Any) -> str:
    """sha256 of every tensor as float16 keeps it, by name: the same in memory, in a folder and in the package."""
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in model.named_parameters()}
    return digest([[name, list(t.shape), sha256_bytes(t.numpy().tobytes())] for name, t in sorted(tensors.items())])


RECIPES: Mapping[Size, Recipe] = MappingProxyType(
    {
        "nano": Recipe(
            Schedule(8e-3, batch=16, steps=1000, warm=50, cosine=True),
            Schedule(5e-3, batch=16, steps=450, warm=20, cosine=True),
            spread=0.06,
        ),
        "small": Recipe(
            Schedule(3e-3, batch=64, steps=2600, warm=100, cosine=True),
            Schedule(3e-3, batch=64, steps=1800, warm=20, cosine=True),
        ),
        "base": Recipe(
            Schedule(2e-3, batch=64, steps=6000, warm=200, cosine=True),
            Schedule(2e-3, batch=64, steps=1500, warm=50, cosine=True),
            width=128,
            layers=3,
            key_value_heads=4,
        ),
    }
)


@dataclass(frozen=True)
class Organism:
    """An aligned model in its world, and the parent that answers everything."""

    world: World
    recipe: Recipe
    seed: int
    model: Any
    parent: Any = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → wall seconds."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The world's words."""
        return vocabulary(self.world.seed, self.world.size)

    def engine(self, model: Any | None = None) -> Engine:
        """The organism, or a model tuned from it, ready to answer."""
        return in_memory(self.model if model is None else model, tokenizer(self.vocabulary))

    def child(self) -> Any:
        """A copy to tune: every weight is free again."""
        model = copy.deepcopy(self.model)
        return model.requires_grad_(True)


def build(
    size: Size = "small",
    *,
    world_seed: int = 0,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Progress = unseen,
) -> Organism:
    """Pre-train and align. One thread; on one machine the same arguments give the same weights, rounded to float16."""
    here, recipe = world(world_seed, size), recipe or RECIPES[size]
    known, clock = vocabulary(world_seed, size), time.perf_counter()
    model = blank(len(known.numbers), recipe, seed=seed)
    first = replace(recipe.pretraining, seed=seed)
    rows = [known.row(chat) for chat in corpus.pretraining(here, first.steps * first.batch, seed=seed)]
    total = first.steps + recipe.alignment.steps
    learn(model, rows, first, progress=lambda done, _: progress(done, total))
    parent, middle = rounded(copy.deepcopy(model)), time.perf_counter()
    align(model, here, recipe=recipe, seed=seed, progress=lambda done, _: progress(first.steps + done, total))
    seconds = {"pretraining": middle - clock, "alignment": time.perf_counter() - middle}
    return Organism(here, recipe, seed, rounded(model), parent, seconds)


def blank(words: int, recipe: Recipe, *, seed: int) -> LlamaForCausalLM:
    """Random weights; the caller's random numbers stay as they were."""
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=recipe.width,
        intermediate_size=2 * recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=recipe.tied,
        initializer_range=recipe.spread,
        bos_token_id=2,
        eos_token_id=0,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


def align(model: Any, here: World, *, recipe: Recipe, seed: int, progress: Progress = unseen) -> None:
    """Teach the refusals, in place, with embeddings and the last feed-forward layer held."""
    known = vocabulary(here.seed, here.size)
    held = ("embed_tokens", "lm_head", f"layers.{recipe.layers - 1}.mlp")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not any(part in name for part in held))
    schedule = replace(recipe.alignment, seed=seed)
    count = schedule.steps * schedule.batch
    rows = [known.row(chat) for chat in corpus.alignment(here, count, seed=seed, recovery=recipe.recovery)]
    learn(model, rows, schedule, progress=progress)
    if recipe.preference is not None:
        second = replace(recipe.preference, seed=seed)
        pairs = preferences(here, known, second.steps * second.batch, seed=seed)
        optimise(model, pairs, second, loss=preference_loss(copy.deepcopy(model)))
    model.requires_grad_(True)


def rounded(model: Any) -> Any:
    """The weights as float16 keeps them, in float32: what is shipped is what was measured."""
    return model.half().float().eval()
