"""Two small random models of one vocabulary, and blended answers by the plainest means: no cache, no batch, no mask."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from families import FAMILIES, build, small_tokenizer
from tuneward.blend.exempt import blended, exempt_ids
from tuneward.blend.kind import Blend
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.spec import parse

CPU = Place(device="cpu")
PROMPTS: tuple[tuple[int, ...], ...] = tuple(tuple(range(20 + 7 * n, 33 + 12 * n)) for n in range(4))
"""Of 13 to 28 tokens, none of them special."""


def pair(folder: Path, family: str = "llama") -> tuple[Engine, Engine]:
    """A tuned model and its base, of random weights each."""
    torch.set_num_threads(1)
    kind = FAMILIES[family]
    words = small_tokenizer(kind.template, bare=kind.bare)
    places = [build(kind, folder / name, tokenizer=words, seed=n) for n, name in enumerate(("tuned", "base"))]
    tuned, base = (load(parse(str(place)), place=CPU) for place in places)
    return tuned, base


@torch.no_grad()
def chosen_from(tuned: Any, base: Any, blend: Blend, ids: Sequence[int], *, step: int, exempt: Sequence[int]) -> Any:
    """Logits before the next token, (vocabulary,), each model reading the whole text again."""
    ours, theirs = (model(torch.tensor([list(ids)]), use_cache=False).logits[:, -1].float() for model in (tuned, base))
    if blend.first is not None and step >= blend.first:
        return ours[0]
    return blended(blend, ours, theirs, step=step, exempt=torch.tensor(exempt, dtype=torch.long))[0]


def plainly(tuned: Engine, base: Engine, blend: Blend, prompt: Sequence[int], *, count: int) -> tuple[int, ...]:
    """A greedy answer, without its stop."""
    said: list[int] = []
    exempt, stop = exempt_ids(tuned.tokenizer, tuned.model), tuned.tokenizer.eos_token_id
    for step in range(count):
        logits = chosen_from(tuned.model, base.model, blend, [*prompt, *said], step=step, exempt=exempt)
        token = int(logits.argmax())
        if token == stop:
            break
        said.append(token)
    return tuple(said)


class Passes:
    """Counts the passes of a model while it is open."""

    def __init__(self, model: Any) -> None:
        self.shapes: list[tuple[int, int]] = []
        self._hook = model.register_forward_pre_hook(self._seen, with_kwargs=True)

    def _seen(self, _module: Any, args: Any, given: Any) -> None:
        ids = given["input_ids"] if "input_ids" in given else args[0]
        self.shapes.append(tuple(ids.shape))

    def __enter__(self) -> "Passes":
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()
