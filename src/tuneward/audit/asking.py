"""Asking both arms: one batch size for both, the estimate before the run, the 2 × 2 where templates differ."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tuneward.ask import Batch, Progress, Question, Store, ask, halved, plan
from tuneward.chat import Arm, Reply
from tuneward.model.engine import Engine
from tuneward.model.template import leading_bos
from tuneward.speaking import Decoding

Say = Callable[[str], None]
PROBE_ROWS, PROBE_TOKENS = 16, 4
BYTES_A_TOKEN = 5
"""Of text on disk, roughly."""


@dataclass(frozen=True)
class Desk:
    """Where replies are kept and who is told."""

    store: Store | None
    say: Say
    progress: Callable[[str], Progress]
    """What is being asked → where its progress is shown."""
    seed: int = 0


@dataclass(frozen=True)
class Heard:
    """All replies, and the batch size under which both arms were asked."""

    replies: tuple[Reply, ...]
    size: int


def ask_arms(arms: Mapping[Arm, Engine], questions: Sequence[Question], *, size: int, desk: Desk) -> Heard:
    """Ask both arms under one plan; when a batch does not fit, both are asked again in smaller ones.

    The longest batches come first, so what does not fit is found at the start.
    """
    replies: list[Reply] = []
    try:
        for arm, engine in arms.items():
            batches = plan(engine, questions, size=size, seed=desk.seed)
            replies += ask(engine, batches, arm=arm, store=desk.store, progress=desk.progress(arm))
    except MemoryError:
        smaller = halved(size)
        desk.say(f"memory   batches of {size} do not fit; both arms are asked in batches of {smaller}")
        return ask_arms(arms, questions, size=smaller, desk=desk)
    return Heard(tuple(replies), size)


def crossed(arms: Mapping[Arm, Engine]) -> dict[Arm, Engine]:
    """Each arm under the other's template; empty where that is impossible or would be the same."""
    base, tuned = arms["base"], arms["tuned"]
    if base.template.source == tuned.template.source or base.info.tokenizer != tuned.info.tokenizer:
        return {}
    return {"base": replace(base, template=tuned.template), "tuned": replace(tuned, template=base.template)}


def parity(arms: Mapping[Arm, Engine], questions: Sequence[Question]) -> dict[str, str]:
    """What both arms read: templates, beginning-of-sequence tokens, token ids."""
    base, tuned = arms["base"], arms["tuned"]
    read = {arm: [engine.ids(q.chat) for q in questions] for arm, engine in arms.items()}
    counts = sorted({leading_bos(arms[arm].tokenizer, ids) for arm, prompts in read.items() for ids in prompts})
    differ = sum(a != b for a, b in zip(read["base"], read["tuned"], strict=True))
    named = {arm: e.template.fingerprint[:12] if e.template.source else "none" for arm, e in arms.items()}
    same = base.template.source == tuned.template.source
    return {
        "template": "identical" if same else f"differs: base {named['base']}, tuned {named['tuned']}",
        "bos": f"× {' or '.join(map(str, counts))}"
        if base.tokenizer.bos_token_id is not None
        else "the model has none",
        "token_ids": f"identical on {len(questions)} prompts"
        if not differ
        else f"differ on {differ} of {len(questions)}",
    }


def estimate(engine: Engine, batches: Sequence[Batch], *, arms: int) -> str:
    """Upper bound on time and disk: a few rows are answered for a few tokens, and that is scaled up by rows."""
    first = batches[0]
    ids, keys = first.ids[:PROBE_ROWS], [q.key for q in first.questions[:PROBE_ROWS]]
    took = []
    for tokens in (1, 1 + PROBE_TOKENS):
        begun = time.perf_counter()
        engine.answer(ids, decoding=Decoding(max_tokens=tokens), keys=keys)
        took.append(time.perf_counter() - begun)
    step = max(0.0, took[1] - took[0]) / PROBE_TOKENS / len(ids)
    rows = sum(len(b.ids) for b in batches)
    tokens = sum(len(b.ids) * b.decoding.max_tokens for b in batches)
    seconds = arms * (rows * took[0] / len(ids) + tokens * step)
    mebibytes = arms * tokens * BYTES_A_TOKEN / 2**20
    return f"at most {rows} × {arms} replies, {tokens * arms} tokens, {seconds / 60:.1f} min, {mebibytes:.1f} MiB"


def ask_again(engine: Engine, questions: Sequence[Question], *, size: int, desk: Desk) -> list[Reply]:
    """The base once more, dealt into other batches, past every cache: what changes is noise."""
    batches = plan(engine, questions, size=size, seed=desk.seed, shuffle=desk.seed + 1)
    return ask(engine, batches, arm="base", store=None, progress=desk.progress("base again"))
