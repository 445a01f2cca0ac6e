"""A model in memory whose weights are set to what a repair gives: the same as one that was written, and put back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from scipy.stats import spearmanr
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from asking import of_suite, question, save, taught
from tuneward.ask import Question
from tuneward.checkpoint.delta import Dense, LowRank
from tuneward.checkpoint.layer import Fate, Given, Mixed, Moved
from tuneward.checkpoint.pair import PairOf, pair_of
from tuneward.model.engine import Engine
from tuneward.model.load import Place
from tuneward.model.spec import parse
from tuneward.probes.gap import Gap
from tuneward.repair.asked import Desk, Ears, Heard, bad, ears_of
from tuneward.repair.curves import Curves, Look, Most, Taken, curves_of, drawn, rows_of, split_of, text_of
from tuneward.repair.kept import NOWHERE, Kept
from tuneward.repair.live import Live, live_of
from tuneward.repair.order_of_arms import hold_order, order
from tuneward.repair.points import Limits, Setting
from tuneward.repair.reading import Reading, Split, batches, read
from tuneward.repair.slopes import mixed, slopes, words_of
from tuneward.repair.stages import Bench
from tuneward.scorers.refusal import Refusal
from tuneward.study.folder import save_model
from tuneward.study.tokens import vocabulary

KNOWN = vocabulary(0, "nano")
IDS = torch.tensor([[2, 3, 9, 11, 14, 5, 4, 20, 21]])
CPU = Place(device="cpu")


def config(*, tied: bool) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(KNOWN.numbers),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        tie_word_embeddings=tied,
        bos_token_id=2,
        eos_token_id=0,
    )


def random(folder: Path, *, seed: int, tied: bool = True, near: Path | None = None) -> Path:
    """A small random model; `near`, another one moved a little, as tuning does."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(near) if near else LlamaForCausalLM(config(tied=tied))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    save_model(model, KNOWN, folder)
    return folder


def lora(base: Path, out: Path, **settings: object) -> Path:
    torch.manual_seed(1)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(r=4, lora_alpha=6, task_type="CAUSAL_LM", target_modules=["q_proj", "down_proj"], **settings),
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(out)
    return out


@dataclass(frozen=True)
class Case:
    base: Path
    tuned: Path

    @property
    def pair(self) -> PairOf:
        return pair_of(tuned=self.tuned, base=self.base)

    def live(self) -> Live:
        return live_of(self.pair, tuned=parse(str(self.tuned)), base=parse(str(self.base)), place=CPU)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Case]:
    """Whole models tied and untied; adapters that share the base's model and that do not."""
    torch.set_num_threads(1)
    here = tmp_path_factory.mktemp("live")
    tied = random(here / "tied", seed=0)
    loose = random(here / "loose", seed=0, tied=False)
    return {
        "tied": Case(tied, random(here / "tied-tuned", seed=1, near=tied)),
        "untied": Case(loose, random(here / "loose-tuned", seed=1, near=loose)),
        "adapter": Case(tied, lora(tied, here / "lora")),
        "apart": Case(loose, lora(loose, here / "saved", modules_to_save=["lm_head"])),
    }


def logits(engine: Engine) -> Tensor:
    with engine.ready(), torch.no_grad():
        found: Tensor = engine.model(IDS).logits
    return found


def merged(case: Case, alpha: float) -> Tensor:
    """Logits of a model that is put together by the library, tensor by tensor."""
    base = AutoModelForCausalLM.from_pretrained(case.base)
    if (case.tuned / "adapter_config.json").is_file():
        tuned = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(case.base), case.tuned
        ).merge_and_unload()
    else:
        tuned = AutoModelForCausalLM.from_pretrained(case.tuned)
    theirs = dict(tuned.named_parameters())
    with torch.no_grad():
        for name, parameter in base.named_parameters():
            parameter.copy_(parameter + alpha * (theirs[name] - parameter))
        found: Tensor = base(IDS).logits
    return found


KINDS = ("tied", "untied", "adapter", "apart")


@pytest.mark.parametrize("kind", KINDS)
def test_a_mixed_model_in_memory_answers_as_the_written_one_and_goes_back_bit_for_bit(
    cases: Mapping[str, Case], kind: str
) -> None:
    """R1, R3: tied weights are moved once; the ends are the inputs."""
    live = cases[kind].live()
    tuned, base = logits(live.engine), logits(live.base)
    assert not torch.allclose(tuned, base, atol=1e-2)
    for alpha in (0.5, 0.25):
        names = live.set({layer.name: Mixed(alpha) for layer in live.pair})
        assert set(names) == {layer.name for layer in live.pair}
        torch.testing.assert_close(logits(live.engine), merged(cases[kind], alpha), atol=2e-5, rtol=1e-4)
        assert torch.equal(logits(live.base), base), "the base is the base all the time"
    live.set({layer.name: Mixed(0.0) for layer in live.pair})
    assert torch.equal(logits(live.engine), base)
    live.set({layer.name: Mixed(1.0) for layer in live.pair})
    assert torch.equal(logits(live.engine), tuned)
    live.set({next(iter(live.pair)).name: Mixed(0.0)})
    live.back()
    assert torch.equal(logits(live.engine), tuned)
    assert torch.equal(logits(live.base), base)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_a_repair_does_not_name_are_the_tuned_ones_again(cases: Mapping[str, Case], kind: str) -> None:
    live = cases[kind].live()
    first, *rest = [layer.name for layer in live.pair]
    live.set({first: Mixed(0.0)})
    alone = logits(live.engine)
    live.set({name: Mixed(0.0) for name in rest})
    live.set({first: Mixed(0.0)})
    assert torch.equal(logits(live.engine), alone)


def test_adapters_take_moves_of_low_rank_into_their_factors_and_others_into_the_base(cases: Mapping[str, Case]) -> None:
    """All four ways of saying the same half of the tuning give the same model; the base never shows any of them."""
    live = cases["adapter"].live()
    tuned, base = logits(live.engine), logits(live.base)
    layers = list(live.pair)
    live.set({layer.name: Mixed(0.5) for layer in layers})
    half = logits(live.engine)

    def low(delta: object) -> LowRank:
        assert isinstance(delta, LowRank)
        return delta.scaled(0.5)

    ways: list[dict[str, Fate]] = [
        {layer.name: Moved(low(layer.delta())) for layer in layers},
        {layer.name: Moved(Dense(low(layer.delta()).rows(slice(None)))) for layer in layers},
        {
            layer.name: Given(lambda part, layer=layer: layer.base(part) + low(layer.delta()).rows(part))
            for layer in layers
        },
    ]
    wide = [low(layer.delta()) for layer in layers]
    ways.append(
        {
            layer.name: Moved(LowRank(torch.cat([one.b, one.b], 1) / 2, torch.cat([one.a, one.a])))
            for layer, one in zip(layers, wide, strict=True)
        }
    )
    thinner = layers[0].delta()
    assert isinstance(thinner, LowRank)
    for fates in ways:
        live.set(fates)
        torch.testing.assert_close(logits(live.engine), half, atol=2e-5, rtol=1e-4)
        assert torch.equal(logits(live.base), base)
        torch.testing.assert_close(logits(live.engine), half, atol=2e-5, rtol=1e-4)
    live.set({layers[0].name: Moved(thinner.of_rank(2)[0])})
    one = logits(live.engine)
    live.set({layers[0].name: Moved(Dense(thinner.of_rank(2)[0].rows(slice(None))))})
    torch.testing.assert_close(logits(live.engine), one, atol=2e-5, rtol=1e-4)
    live.back()
    assert torch.equal(logits(live.engine), tuned)
    assert torch.equal(logits(live.base), base)


def test_a_repair_that_fails_halfway_leaves_the_tuned_model(cases: Mapping[str, Case]) -> None:
    live = cases["tied"].live()
    tuned = logits(live.engine)
    first, second, *_ = [layer.name for layer in live.pair]

    def broken() -> Iterator[tuple[str, Fate]]:
        yield first, Mixed(0.0)
        raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        live.set(broken())
    assert torch.equal(logits(live.engine), tuned)
    for fates in ([("no.such.weight", Mixed(0.5))], [(second, Mixed(0.0)), (second, Mixed(0.5))]):
        with pytest.raises(ValueError, match=r"not a weight of the pair|named twice"):
            live.set(fates)
        assert torch.equal(logits(live.engine), tuned)


@pytest.mark.parametrize("kind", ["tied", "adapter"])
def test_kept_replies_are_found_by_what_the_model_holds_and_never_by_what_it_held(
    cases: Mapping[str, Case], kind: str
) -> None:
    live, again = cases[kind].live(), cases[kind].live()
    tuned = live.engine.key
    fates = {layer.name: Mixed(0.5) for layer in live.pair}
    live.set(fates)
    unnamed = live.engine.key
    live.set({name: Mixed(0.25) for name in fates})
    assert len({tuned, unnamed, live.engine.key, live.named().key}) == 4
    live.set(fates)
    again.set(fates)
    assert live.named().key == again.named().key
    live.back()
    assert live.engine.key == tuned


# What is read


def split(live: Live) -> Split:
    """Prompts and answers of made-up ids, some of a length and some not."""
    generator = torch.Generator().manual_seed(3)

    def ids(length: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, live.engine.model.config.vocab_size, (length,), generator=generator).tolist())

    rows = tuple((ids(4 + n % 5), ids(2 + n % 3)) for n in range(12))
    return Split(tuple(ids(5 + n % 4) for n in range(10)), tuple(ids(6) for _ in range(7)), rows, Gap((9, 10), (11,)))


def test_figures_do_not_depend_on_the_company_a_text_is_read_in(cases: Mapping[str, Case]) -> None:
    live = cases["tied"].live()
    whole = split(live)
    found = read(live.engine, whole)
    alone = [
        read(live.engine, replace(whole, requests=(one,), rows=(row,)))
        for one, row in zip(whole.requests, whole.rows, strict=False)
    ]
    assert [one.requests[0] for one in alone] == pytest.approx(found.requests, abs=1e-5)
    assert [one.losses[0] for one in alone] == pytest.approx(found.losses[:10], abs=1e-4)
    prompt, answer = whole.rows[0]
    with torch.no_grad():
        plain = live.engine.model(torch.tensor([[*prompt, *answer]])).logits[0].log_softmax(-1)
    loss = -sum(float(plain[len(prompt) - 1 + n, token]) for n, token in enumerate(answer))
    assert found.losses[0] == pytest.approx(loss, abs=1e-4)


def test_batches_hold_every_text_once_and_are_not_too_large() -> None:
    texts = [(tuple(range(1 + n % 7)), tuple(range(n % 5))) for n in range(50)]
    found = list(batches(texts, vocabulary=10, tokens=30))
    assert sorted(place for batch in found for place in batch) == list(range(50))
    longest = [max(len(texts[n][0]) + len(texts[n][1]) for n in batch) for batch in found]
    assert all(len(batch) * width <= 30 for batch, width in zip(found, longest, strict=True))


@pytest.mark.parametrize("kind", ["tied", "untied", "adapter", "apart"])
def test_slopes_are_what_finite_differences_say(cases: Mapping[str, Case], kind: str) -> None:
    live = cases[kind].live()
    asked = split(live)
    words = words_of(live)
    assert words[0] in ("layer 0", "rest")
    assert {"layer 0", "layer 1"} <= set(words)
    shares = {word: 0.6 - 0.1 * n for n, word in enumerate(words)}
    live.set(mixed(live, shares))
    before = {name: p.requires_grad for name, p in live.engine.model.named_parameters()}
    found = slopes(live, asked)
    assert {name: p.requires_grad for name, p in live.engine.model.named_parameters()} == before
    assert all(p.grad is None for p in live.engine.model.parameters())
    for word in words:
        ends = []
        for move in (-0.02, 0.02):
            live.set(mixed(live, {**shares, word: shares[word] + move}))
            reading = read(live.engine, asked)
            ends.append((-reading.requests.mean(), reading.losses.sum() / asked.tokens.sum()))
        risk, task = ((ends[1][n] - ends[0][n]) / 0.04 for n in (0, 1))
        assert found.risk[word] == pytest.approx(risk, rel=0.03, abs=2e-3)
        assert found.task[word] == pytest.approx(task, rel=0.03, abs=2e-3)


def by_first_token(asked: Split) -> Ears:
    """Toy models say nothing, so their gaps stand for it."""

    def heard(engine: Engine) -> Heard:
        found = read(engine, asked)
        return Heard(tuple(bool(gap <= 0) for gap in found.requests), tuple(bool(gap > 0) for gap in found.twins))

    return heard


def curves(live: Live) -> Curves:
    """Ends of which the tuned one answers rows rather as itself, and refuses less by first tokens chosen for that."""
    asked = split(live)
    with live.engine.ready(), torch.no_grad():
        answers = [int(live.engine.model(torch.tensor([prompt])).logits[0, -1].argmax()) for prompt, _ in asked.rows]
    rows = tuple((prompt, (answer,)) for (prompt, _), answer in zip(asked.rows, answers, strict=True))
    for first in range(3, 40):
        asked = replace(asked, rows=rows, gap=Gap((first,), (first + 1,)))
        look = Look(asked, by_first_token(asked))
        found = Curves(look, look(live.base), look(live.engine))
        if found.tuned_end.lost.value > 0 and found.gain.low > 0:
            return found
    raise AssertionError("no first tokens on which these models differ")


def test_points_at_the_ends_are_the_ends(cases: Mapping[str, Case]) -> None:
    live = cases["tied"].live()
    measured = curves(live)
    base, tuned = measured.base_end, measured.tuned_end
    assert (base.lost.value, base.gained.value, base.risk.value, base.kept.value) == (0, 0, 0, 0)
    assert tuned.kept.value == pytest.approx(1)
    assert tuned.kept.low == tuned.kept.high == pytest.approx(1)
    live.set({layer.name: Mixed(0.0) for layer in live.pair})
    again = measured.measure(live.engine, base.setting)
    assert again == base


@pytest.mark.parametrize("kind", ["tied", "adapter"])
def test_what_is_kept_of_a_search_is_what_was_read(
    cases: Mapping[str, Case], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two shares, their slopes, and both ends, for another process too; nothing is read twice or taken for another."""
    live = cases[kind].live()
    asked, kept, read_now = split(live), Kept(tmp_path), list[float]()
    shares = [dict.fromkeys(words_of(live), keep) for keep in (0.5, 0.7)]

    def all_of(live: Live, kept: Kept) -> list[object]:
        found: list[object] = []
        for one in shares:
            live.set(mixed(live, one))
            found += [kept.reading(live.named(), asked), kept.slopes(live, asked)]
        live.back()
        return [*found, kept.reading(live.base, asked), kept.reading(live.engine, asked)]

    plain, first = all_of(live, NOWHERE), all_of(live, kept)
    assert len(list(tmp_path.rglob("*.json"))) == 6
    for name in ("read", "slopes"):
        monkeypatch.setattr(f"tuneward.repair.kept.{name}", lambda *_: read_now.append(0.0))
    again = all_of(cases[kind].live(), kept)
    assert read_now == []
    for one, other, third in zip(plain, first, again, strict=True):
        assert str(one) == str(other) == str(third)
    assert len({str(one) for one in plain}) == 6


def test_a_reading_that_is_no_number_is_not_kept_and_a_broken_file_is_named(
    cases: Mapping[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = cases["tied"].live()
    asked, kept = split(live), Kept(tmp_path)
    spoilt = replace(read(live.base, asked), losses=np.array([np.nan]))
    monkeypatch.setattr("tuneward.repair.kept.read", lambda *_: spoilt)
    assert np.isnan(kept.reading(live.base, asked).losses).all()
    assert not list(tmp_path.rglob("*.json"))
    monkeypatch.undo()
    kept.reading(live.base, asked)
    (file,) = tmp_path.rglob("*.json")
    assert file.stat().st_mode & 0o077 == 0
    file.write_text(file.read_text()[:-20])
    with pytest.raises(ValueError, match="not a readable readingfile"):
        kept.reading(live.base, asked)


def test_counts_of_lost_and_gained_by_hand() -> None:
    rows = (((1,), (1, 2)), ((1,), (1, 2, 3)))
    asked = Split(((1,),) * 4, ((1,),) * 2, rows, Gap((1,), (2,)))
    base = Reading(np.array([1.0, 2.0, -1.0, 3.0]), np.array([-1.0, 1.0]), np.array([4.0, 6.0]))
    tuned = Reading(np.array([1.0, -2.0, -3.0, 0.0]), np.array([2.0, 3.0]), np.array([2.0, 3.0]))
    before, after = (False, False, True, False), (False, True, False, None)
    ends = (Taken(base, Heard(before, (False, True))), Taken(tuned, Heard(after, (True, True))))
    look = Look(asked, lambda _: ends[0].heard)
    between = replace(ends[1], reading=replace(tuned, losses=np.array([2.5, 3.5])))
    point = Curves(look, *ends).point(Setting("wise-ft", 0.5), between)
    assert point.lost.value == 0.5, "the second and the fourth, which cannot be told; the third was never refused"
    assert point.gained.value == 0.5
    unclear = replace(between, heard=Heard(after, (None, None)))
    assert Curves(look, *ends).point(Setting("wise-ft", 0.5), unclear).gained.value == 0
    assert point.risk.value == pytest.approx((0 + 4 + 2 + 3) / 4)
    assert point.task.value == pytest.approx(6 / 5), "by tokens, not by rows"
    assert point.kept.value == pytest.approx((10 - 6) / (10 - 5))
    assert point.kept.low <= point.kept.value <= point.kept.high


def test_rows_are_chosen_by_what_they_say_and_not_by_where_they_stand(cases: Mapping[str, Case]) -> None:
    live = cases["tied"].live()
    rows = [question(f"{n} the", name=f"r{n}").answered("a the" if n % 2 else "") for n in range(20)]
    found = rows_of(live.engine, rows, most=Most(rows=6))
    assert found == rows_of(live.engine, rows[::-1] + rows, most=Most(rows=6))
    assert len(found) == 6
    assert found != rows_of(live.engine, rows, most=Most(rows=6, seed=1))
    assert rows_of(live.engine, rows, most=Most(length=2)) == ()
    text = text_of(live.engine, rows[1])
    assert text is not None
    assert text[0] == live.engine.ids(question("1 the"))
    assert text[1][-1] == live.engine.tokenizer.eos_token_id


def test_one_prompt_a_family_is_drawn_whatever_the_order() -> None:
    chats = [replace(question("x", name=f"f{n}-{k}"), family=f"f{n}") for n in range(30) for k in range(2)]
    twins = [replace(chat, id=f"twin {chat.id}") for chat in chats]
    first = drawn(chats, count=20)
    assert first == drawn(chats[::-1], count=20)
    assert [chat.family for chat in drawn(twins, count=20)] == [chat.family for chat in first]
    rest = drawn(chats, count=20, skip=20)
    assert len({chat.family for chat in first}) == 20
    assert len(rest) == 10
    assert not {chat.family for chat in rest} & {chat.family for chat in first}


@dataclass(frozen=True)
class Line:
    """A straight line, as the first method of a search."""

    keep: float = 1.0

    def at(self, keep: float) -> "Line":
        return Line(keep)

    def __call__(self, pair: object) -> Iterator[tuple[str, Fate]]:
        return ((layer.name, Mixed(self.keep)) for layer in pair)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["tied", "adapter"])
def test_a_search_on_a_live_model_measures_every_stage_and_ends_with_the_tuned_model(
    cases: Mapping[str, Case], kind: str
) -> None:
    live = cases[kind].live()
    tuned = logits(live.engine)
    said: list[str] = []
    measured = curves(live)
    bench = Bench(
        live,
        measured,
        Limits(1.0, 0.0),
        {"wise-ft": Line(), "other": Line()},
        said=lambda p: said.append(p.setting.words),
    )
    found = bench.search(next_command="tuneward tune")
    assert torch.equal(logits(live.engine), tuned)
    assert found.points[:2] == (measured.base_end, measured.tuned_end)
    assert (found.outcome, found.next_command) == ("not met", "tuneward tune")
    assert "other 0.25" in said
    assert any("shares around" in line for line in said)
    easy = replace(bench, limits=Limits(0.0, 0.0)).search()
    assert easy.outcome == "found"
    assert {p.setting.method for p in easy.points} == {"base", "tuned", "wise-ft"}
    chosen = next(p for p in found.points if p.setting.keep == 0.25 and p.setting.method == "wise-ft")
    live.set(bench.fates(chosen.setting))
    again = measured.measure(live.engine, chosen.setting)
    assert again == chosen


@pytest.mark.full
def test_refusals_that_tuning_took_are_found_again_on_the_organism(aligned: Path, tmp_path: Path) -> None:
    """A child that learnt to answer: the search meets its limits, and other replies and first tokens agree with it."""
    asked = (of_suite("policy"), of_suite("twins"))
    rows = [chat.answered(str(chat.meta["facts"][0])) for chat in of_suite("utility") if chat.meta.get("facts")]
    spoilt = [*rows[:60], *(chat.answered("the") for chat in asked[0][::4])]
    folder = save(taught(aligned, spoilt, passes=3), tmp_path / "child")
    live = live_of(pair_of(tuned=folder, base=aligned), tuned=parse(str(folder)), base=parse(str(aligned)), place=CPU)
    desk = Desk(size=64)
    found = order(live.base, live.engine, drawn(asked[0], count=48), desk=desk)
    hold_order(found)
    split = split_of(live, asked=asked, rows=spoilt, most=Most())
    assert all(answer[-1] == 0 for _, answer in split.rows), "the end of the turn is learnt and read"
    look = Look(split, ears_of(*asked, desk=desk))
    curves = curves_of(base=live.base, tuned=live.engine, look=look)
    assert curves.gain.low > 0
    assert curves.tuned_end.lost.value > 0.05
    bench = Bench(live, curves, Limits(0.3, 0.02), {"wise-ft": Line()})
    result = bench.search()
    safest = min(result.points[2:], key=lambda point: point.lost.value)
    assert safest.lost.value <= 0.02 < curves.tuned_end.lost.value
    assert (result.outcome == "found") == any(bench.limits.met(point) for point in result.points)
    lost, risks, replies = [], [], []
    for point in [p for p in result.points if p.setting.method != "wise-ft" or p.setting.keep in (0.25, 0.5, 0.8)]:
        live.set(
            bench.fates(point.setting) if point.setting.method == "wise-ft" else mixed_to(live, point.setting.keep)
        )
        asks = [Question("q", chat, 16) for chat in drawn(asked[0], count=48)]
        bads = bad(live.engine, asks, {"q": Refusal(bad="complied")}, desk=desk)
        lost.append(point.lost.value)
        risks.append(point.risk.value)
        replies.append(sum(one is True for one in bads) / len(bads))
    assert spearmanr(lost, replies).statistic > 0.5
    assert spearmanr(risks, replies).statistic > 0.5


def mixed_to(live: Live, keep: float) -> dict[str, Fate]:
    return {name: Mixed(keep) for name in live.spots}
