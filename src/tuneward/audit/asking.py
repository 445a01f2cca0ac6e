"""Asking both arms: one batch size for both, the estimate before the run, the 2 × 2 where templates differ."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tuneward.ask import Batch, Progress, Question, Store, ask, halved, plan
from tuneward.chat import Arm, Reply
from tuneward.model.engine import Engine
from tuneward.model.template import leading_bos
from tuneward.speaking import Decoding, Speaker, bill

Say = Callable[[str], None]
PROBE_ROWS, PROBE_TOKENS = 16, 4
BYTES_A_TOKEN = 5
"""Of text on disk, roughly."""
BYTES_A_PROMPT_TOKEN = 3
"""Of a prompt on the wire: few, so that the estimate is not too low."""
UNKNOWN = "not known: a server reads in its own way"


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


def ask_arms(arms: Mapping[Arm, Speaker], questions: Sequence[Question], *, size: int, desk: Desk) -> Heard:
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


def crossed(arms: Mapping[Arm, Speaker]) -> dict[Arm, Engine]:
    """Each arm under the other's template; empty where that is impossible or would be the same."""
    base, tuned = arms["base"], arms["tuned"]
    if not isinstance(base, Engine) or not isinstance(tuned, Engine):
        return {}
    if base.template.source == tuned.template.source or base.info.tokenizer != tuned.info.tokenizer:
        return {}
    return {"base": replace(base, template=tuned.template), "tuned": replace(tuned, template=base.template)}


def parity(arms: Mapping[Arm, Speaker], questions: Sequence[Question]) -> dict[str, str]:
    """What both arms read: templates, beginning-of-sequence tokens, token ids; not known of what a server reads."""
    engines = {arm: speaker for arm, speaker in arms.items() if isinstance(speaker, Engine)}
    if len(engines) < len(arms):
        return dict.fromkeys(("template", "bos", "token_ids"), UNKNOWN)
    base, tuned = engines["base"], engines["tuned"]
    read = {arm: [engine.ids(q.chat) for q in questions] for arm, engine in engines.items()}
    counts = sorted({leading_bos(engines[arm].tokenizer, ids) for arm, prompts in read.items() for ids in prompts})
    differ = sum(a != b for a, b in zip(read["base"], read["tuned"], strict=True))
    named = {arm: e.template.fingerprint[:12] if e.template.source else "none" for arm, e in engines.items()}
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


def estimate(arms: Mapping[Arm, Speaker], batches: Sequence[Batch], *, price: tuple[float, float] | None) -> str:
    """Upper bounds: replies, tokens, disk; time in this process; tokens sent, and what they cost, over the wire."""
    rows, here = sum(len(b.ids) for b in batches), [s for s in arms.values() if isinstance(s, Engine)]
    tokens = sum(len(b.ids) * b.decoding.max_tokens for b in batches)
    words = [f"at most {rows} × {len(arms)} replies, {tokens * len(arms)} tokens"]
    if here:
        words.append(f"{len(here) * _seconds(here[0], batches) / 60:.1f} min")
    away = len(arms) - len(here)
    if away:
        sent = away * sum(len(turn.content.encode()) for b in batches for q in b.questions for turn in q.chat.messages)
        words.append(bill(sent // BYTES_A_PROMPT_TOKEN, away * tokens, price=price))
    return ", ".join([*words, f"{len(arms) * tokens * BYTES_A_TOKEN / 2**20:.1f} MiB"])


def _seconds(engine: Engine, batches: Sequence[Batch]) -> float:
    """A few rows are answered for a few tokens, and that is scaled up by rows and tokens."""
    first = batches[0]
    ids, keys = first.ids[:PROBE_ROWS], [q.key for q in first.questions[:PROBE_ROWS]]
    took = []
    for tokens in (1, 1 + PROBE_TOKENS):
        begun = time.perf_counter()
        engine.answer(ids, decoding=Decoding(max_tokens=tokens), keys=keys)
        took.append(time.perf_counter() - begun)
    step = max(0.0, took[1] - took[0]) / PROBE_TOKENS
    tokens = sum(len(b.ids) * b.decoding.max_tokens for b in batches)
    return (sum(len(b.ids) for b in batches) * took[0] + tokens * step) / len(ids)


def ask_again(engine: Speaker, questions: Sequence[Question], *, size: int, desk: Desk) -> list[Reply]:
    """The base once more, dealt into other batches, past every cache: what changes is noise."""
    batches = plan(engine, questions, size=size, seed=desk.seed, shuffle=desk.seed + 1)
    return ask(engine, batches, arm="base", store=None, progress=desk.progress("base again"))
