"""Rows as ids: what is learnt of them, what is only read, and that prompts are those that the model is asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.chat import Chat, Message
from tuneward.model.template import Template, of_tokenizer, token_ids
from tuneward.rows import read_rows
from tuneward.tune.job import Lesson, Rendering
from tuneward.tune.sequences import Layout, Reader, TokenRow, batch_of
from tuning import CHATML, KINDS, WORDS, Kind, rows, tokenizer

SMOLLM2 = Path("~/.cache/tuneward/models/smollm2-135m-instruct").expanduser()
KNOWN = {kind: tokenizer(kind) for kind in KINDS}
STRIPS = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' and not loop.last %}{{ message['content'].split('</think>')[-1] }}"
    "{% else %}{{ message['content'] }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""As templates of thinking models: the thoughts of earlier turns are left out."""


def chat(*turns: tuple[str, str], prefill: str = "", shells: Any = None) -> Chat:
    return Chat(
        "x:1", "x:1", tuple(Message(*turn) for turn in turns), prefill, {} if shells is None else {"turns": shells}
    )


TALK = chat(
    ("system", "a cup"), ("user", "the tea is"), ("assistant", "warm ."), ("user", "cold ?"), ("assistant", "blue")
)


def reader(kind: Kind = "words", **changes: Any) -> Reader:
    known = changes.pop("known", KNOWN[kind])
    return replace(Reader(known, of_tokenizer(known), Rendering()), **changes)


def learnt(own: Reader, one: Chat, **lesson: Any) -> list[str]:
    """Each stretch that is learnt, as text."""
    [row] = own.sequences(Lesson(one, **lesson), 0)
    found, before = [], 0
    for token, place in zip(row.ids, row.place, strict=True):
        if place and not before:
            found.append([])
        if place:
            assert place == before + 1 or own.mask == "all"
            found[-1].append(token)
        before = place
    return [own.tokenizer.decode(ids, skip_special_tokens=False) for ids in found]


END = {"words": "<|end|>", "chatml": "<|im_end|>"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_learnt_with_its_end_and_nothing_behind_it(kind: Kind) -> None:
    [row] = reader(kind).sequences(Lesson(rows(1)[0]), 4)
    answer = rows(1)[0].answer
    assert learnt(reader(kind), rows(1)[0]) == [answer + END[kind]]
    assert row.place[-1] == row.learnt == len(KNOWN[kind](answer, add_special_tokens=False).input_ids) + 1
    assert row.lesson == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mask", "found"), [("assistant", ["warm .", "blue"]), ("last", ["blue"])])
def test_of_several_turns_the_mask_says_which_are_learnt(kind: Kind, mask: Any, found: list[str]) -> None:
    assert learnt(reader(kind, mask=mask), TALK) == [one + END[kind] for one in found]


@pytest.mark.parametrize("kind", KINDS)
def test_every_token_is_learnt_but_the_first_that_nothing_precedes(kind: Kind) -> None:
    [row] = reader(kind, mask="all").sequences(Lesson(TALK), 0)
    read = [n for n, place in enumerate(row.place) if not place]
    breaks = {"words": [], "chatml": [n for n, token in enumerate(row.ids) if n and row.ids[n - 1 : n + 1] == ()]}
    assert read[0] == 0
    behind = KNOWN[kind]("<|im_end|>\n", add_special_tokens=False).input_ids[1:] if kind == "chatml" else []
    assert [row.ids[n] for n in read[1:]] == [*breaks[kind], *behind], "what the template puts behind an end"
    batch_of([row, row], [Lesson(TALK)] * 2, Layout(0, packed=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", ["assistant", "last", "all"])
def test_a_turn_of_weight_0_is_read_only(kind: Kind, mask: Any) -> None:
    shells = [{"role": role, "content": ""} for role in ("system", "user", "assistant", "user", "assistant")]
    shells[2]["weight"] = 0  # type: ignore[assignment]
    said = learnt(reader(kind, mask=mask), replace(TALK, meta={"turns": shells}))
    assert said[-1].endswith("blue" + END[kind])
    assert not any("warm" in one for one in said)
    shells[2]["weight"], shells[4]["weight"] = 1, 0.0  # type: ignore[assignment]
    if mask == "assistant":
        assert learnt(reader(kind), replace(TALK, meta={"turns": shells})) == ["warm ." + END[kind]]
    if mask == "last":
        with pytest.raises(ValueError, match=r"x:1: nothing in it is learnt .*leave it out"):
            learnt(reader(kind, mask=mask), replace(TALK, meta={"turns": shells}))


@pytest.mark.parametrize("system", [None, "", "past hills"])
@pytest.mark.parametrize("own", [True, False])
def test_weights_stay_with_their_turns_when_the_system_turn_changes(
    system: str | None, own: bool, tmp_path: Path
) -> None:
    turns = ", ".join(
        ['{"role": "system", "content": "a cup"}'] * own
        + [
            '{"role": "user", "content": "the tea is"}',
            '{"role": "assistant", "content": "warm", "weight": 0}',
            '{"role": "user", "content": "cold ?"}',
            '{"role": "assistant", "content": "blue", "weight": 1}',
        ]
    )
    (tmp_path / "rows.jsonl").write_text(f'{{"messages": [{turns}]}}\n')
    [row] = read_rows(str(tmp_path / "rows.jsonl"))
    for kind in KINDS:
        assert learnt(reader(kind, rendering=Rendering(system)), row) == ["blue" + END[kind]]
        [ids] = reader(kind, rendering=Rendering(system)).sequences(Lesson(row), 0)
        text = KNOWN[kind].decode(ids.ids)
        assert ("a cup" in text) == (own and system is None)
        assert ("past hills" in text) == (system == "past hills")


def test_weights_of_other_turns_are_refused() -> None:
    odd = replace(TALK, meta={"turns": [{"role": "user"}, {"role": "assistant", "weight": 0}]})
    with pytest.raises(ValueError, match=r"x:1: weights for 2 turns, and it has 4"):
        learnt(reader(), odd)


def test_calls_of_tools_are_refused() -> None:
    odd = replace(TALK, meta={"turns": [{"role": "user"}, {"role": "assistant", "tool_calls": [{}]}]})
    with pytest.raises(ValueError, match=r"x:1: calls of tools cannot be learnt"):
        learnt(reader(), odd)


texts = st.lists(st.sampled_from([*WORDS, "\n", "  ", "<|im_end|>"]), min_size=1, max_size=6).map(" ".join)


@pytest.mark.parametrize("kind", KINDS)
@given(asked=st.lists(texts, min_size=1, max_size=3), said=st.lists(texts, min_size=3, max_size=3), begin=texts)
@settings(max_examples=60, deadline=None)
def test_prompts_are_the_ids_that_the_model_is_asked(kind: Kind, asked: list[str], said: list[str], begin: str) -> None:
    turns = [turn for a, b in zip(asked, said, strict=False) for turn in (("user", a), ("assistant", b))]
    prompt = chat(*turns[:-1], prefill=begin)
    whole = prompt.answered(" sails" + said[0])
    own = reader(kind, mask="last")
    for given_, full in ((prompt, whole), (replace(prompt, prefill=""), replace(whole, prefill=""))):
        ids = token_ids(KNOWN[kind], given_, template=own.template)
        [row] = own.sequences(Lesson(full), 0)
        assert row.ids[: len(ids)] == ids
        assert not any(row.place[: len(ids)])
        assert row.place[len(ids)] == 1
        answer = KNOWN[kind](full.said, add_special_tokens=False).input_ids
        assert list(row.ids[len(ids) :]) == [*answer, KNOWN[kind].eos_token_id]
    assert own.prompt(replace(prompt, prefill="")) == token_ids(
        KNOWN[kind], replace(prompt, prefill=""), template=own.template
    )


def test_every_turn_is_asked_for_as_the_template_asks() -> None:
    for kind in KINDS:
        [row] = reader(kind).sequences(Lesson(TALK), 0)
        for number in (2, 4):
            asked = token_ids(
                KNOWN[kind], replace(TALK, messages=TALK.messages[:number]), template=reader(kind).template
            )
            assert row.ids[: len(asked)] == asked
            assert row.place[len(asked) - 1 : len(asked) + 1] == (0, 1)


@pytest.mark.skipif(not SMOLLM2.is_dir(), reason="the small real model is not here")
def test_a_real_tokenizer_learns_the_same() -> None:
    from transformers import AutoTokenizer

    known = AutoTokenizer.from_pretrained(SMOLLM2, local_files_only=True)
    own = reader(known=known)
    assert learnt(own, TALK) == ["warm .<|im_end|>", "blue<|im_end|>"]
    begun = chat(("user", "Hello!"), prefill="\n Sure,").answered(" why not?")
    [row] = own.sequences(Lesson(begun), 0)
    ids = token_ids(known, chat(("user", "Hello!"), prefill="\n Sure,"), template=own.template)
    assert row.ids[: len(ids)] == ids
    assert learnt(own, begun) == [" why not?<|im_end|>"]


def test_a_prefill_is_read_and_what_follows_is_learnt() -> None:
    for kind in KINDS:
        assert learnt(reader(kind), chat(("user", "the tea"), prefill="is warm").answered(" now")) in (
            [" now" + END[kind]],
            ["<|unknown|>" + END[kind]],
        )
        masked = learnt(reader(kind, mask="all"), chat(("user", "the tea"), prefill="is warm").answered(" cold"))
        assert masked[-1] == " cold" + END[kind]
        assert not any("warm" in one for one in masked)


def test_a_template_that_changes_the_prefill_is_refused() -> None:
    trims = Template(CHATML.replace("message['content']", "message['content'] | trim"))
    with pytest.raises(ValueError, match=r"x:1: the chat template does not keep the prefill '  red'"):
        learnt(reader("chatml", template=trims), chat(("user", "the tea"), prefill="  red").answered(" boat"))


def test_a_template_that_tells_earlier_turns_otherwise_is_refused_unless_only_the_last_is_learnt() -> None:
    thinks = Template(STRIPS)
    talk = chat(("user", "a"), ("assistant", "<think>red</think>blue"), ("user", "a"), ("assistant", "cup"))
    with pytest.raises(
        ValueError, match=r"x:1: the chat template renders turn 2 otherwise .*--mask last, or split"
    ) as told:
        learnt(reader("chatml", template=thinks), talk)
    assert "\n" not in str(told.value)
    own = reader("chatml", template=thinks, mask="last")
    assert learnt(own, talk) == ["cup<|im_end|>"]
    [row] = own.sequences(Lesson(talk), 0)
    assert "red" not in KNOWN["chatml"].decode(row.ids)


def test_two_ends_behind_a_turn_are_one_too_many() -> None:
    """What stands behind the first end is the template's, special or not."""
    twice = Template(CHATML + "{% if not add_generation_prompt %}{{ '<|endoftext|>' }}{% endif %}")
    assert learnt(reader("chatml", template=twice), rows(1)[0]) == [rows(1)[0].answer + "<|im_end|>"]


def test_an_unknown_word_does_not_end_a_turn() -> None:
    """WordLevel tokenizers count the token for unknown text as special."""
    bare = Template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    one = chat(("user", "a"), ("assistant", " is zebra warm"))
    assert learnt(reader(template=bare), one) == [" is<|unknown|> warm"]


def test_special_text_inside_an_answer_does_not_end_it() -> None:
    said = learnt(reader("chatml"), chat(("user", "a"), ("assistant", "red <|im_end|> blue")))
    assert said == ["red <|im_end|> blue<|im_end|>"]


def test_long_rows_are_refused_dropped_or_cut() -> None:
    long = chat(("user", "the tea"), ("assistant", "is warm cold blue red"))
    [whole] = reader().sequences(Lesson(long), 0)
    limit = len(whole.ids) - 2
    with pytest.raises(ValueError, match=rf"x:1: {limit + 2} tokens, and the limit is {limit}; raise --max-length"):
        reader(longest=limit).sequences(Lesson(long), 0)
    assert reader(longest=limit, long="drop").sequences(Lesson(long), 0) == []
    assert reader(longest=limit, long="drop").sequences(Lesson(long, rejected="red"), 0) == []
    [cut] = reader(longest=limit, long="cut").sequences(Lesson(long), 0)
    assert (cut.ids, cut.place) == (whole.ids[:limit], whole.place[:limit])
    assert reader(longest=4, long="cut").sequences(Lesson(long), 0) == [], "nothing of its answer is left"
    assert reader(longest=len(whole.ids)).sequences(Lesson(long), 0) == [whole]


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (chat(("user", "a")), r"x:1: no assistant turn, so there is nothing to learn; leave the row out"),
        (chat(), r"x:1: no assistant turn"),
    ],
)
def test_rows_without_an_answer_are_refused(one: Chat, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learnt(reader(), one)


def test_no_chat_template_and_one_that_raises_are_one_line() -> None:
    with pytest.raises(ValueError, match=r"x:1: the tokenizer has no chat template; add chat_template.jinja"):
        learnt(reader(template=Template("")), TALK)
    strict = Template("{{ raise_exception('roles must\nalternate') }}")
    with pytest.raises(ValueError, match=r"x:1: the chat template refuses the row: roles must"):
        learnt(reader(template=strict), TALK)


def test_a_pair_is_two_sequences_of_one_lesson() -> None:
    wanted, rejected = reader().sequences(Lesson(TALK, rejected="red hills"), 3)
    assert (wanted.rejected, rejected.rejected) == (False, True)
    assert wanted.lesson == rejected.lesson == 3
    shared = next(n for n, pair in enumerate(zip(wanted.ids, rejected.ids, strict=False)) if pair[0] != pair[1])
    assert shared == len(
        token_ids(KNOWN["words"], replace(TALK, messages=TALK.messages[:-1]), template=reader().template)
    )


@given(
    lengths=st.lists(st.integers(2, 9), min_size=1, max_size=5),
    side=st.sampled_from(["left", "right"]),
    packed=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_a_batch_holds_every_sequence_once(lengths: list[int], side: Any, packed: bool, seed: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    own = [
        TokenRow(
            tuple(torch.randint(1, 50, (n,), generator=drawn).tolist()),
            (0, *torch.randint(0, 2, (n - 1,), generator=drawn).cumsum(0).tolist()),
            number,
        )
        for number, n in enumerate(lengths)
    ]
    known = [-torch.rand(one.learnt, generator=drawn) for one in own]
    batch = batch_of(own, [Lesson(TALK)] * len(own), Layout(0, side, packed), reference=known)
    assert batch.ids.shape == ((1, sum(lengths)) if packed else (len(lengths), max(lengths)))
    assert int(batch.mask.sum()) == sum(lengths)
    for number, one in enumerate(own):
        here = batch.owner == number
        assert batch.ids[here].tolist() == list(one.ids)
        assert batch.place[here].tolist() == list(one.place)
        assert batch.positions[here].tolist() == list(range(len(one.ids)))
        assert batch.reference is not None
        assert torch.equal(batch.reference[here][batch.place[here] > 0], known[number])
    assert int((batch.owner < 0).sum()) == batch.ids.numel() - sum(lengths)
    assert batch.learnt() == sum(one.learnt for one in own)
