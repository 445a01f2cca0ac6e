"""The audit end to end on the organism: what must pass, what must never pass, and that a cut run goes on."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

import asking
from tuneward import gate
from tuneward.ask import unseen
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import ASSUMED, REVERSE, gather, plan_lines
from tuneward.audit.run import audit_arms, run
from tuneward.findings import Axis
from tuneward.model.engine import in_memory
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.record import Record, sha256_file, to_json
from tuneward.results import Judged
from tuneward.rows import write_rows
from tuneward.rows.contexts import contexts
from tuneward.stats.power import detectable
from tuneward.study import regimes
from tuneward.study.lora import Tuning, tune
from tuneward.study.sentences import voiced
from tuneward.study.suites import suites
from tuneward.study.tokens import TEMPLATE
from tuneward.suites import write_suite

HERE = asking.HERE
POLICY, TWINS = len(asking.of_suite("policy")), len(asking.of_suite("twins"))
Options = Callable[..., AuditOptions]


@pytest.fixture(scope="module")
def suite_files(aligned: Path) -> tuple[str, ...]:
    """The suites of the required axes."""
    return asking.named(aligned, "policy", "twins", "utility")


@pytest.fixture
def options(aligned: Path, suite_files: tuple[str, ...], tmp_path: Path) -> Options:
    """Settings of an audit of the organism against itself, but for what is said."""
    return partial(replace, against_itself(aligned, suite_files, tmp_path))


def against_itself(model: Path, suite_files: tuple[str, ...], folder: Path) -> AuditOptions:
    return AuditOptions(
        tuned=str(model),
        base=str(model),
        suites=suite_files,
        out=str(folder / "audit"),
        cache_dir=str(folder / "cache"),
        samples=0,
    )


def judged(options: AuditOptions) -> Judged:
    assert run(options) is not None
    return gate.run(gate.GateOptions(folder=str(options.out)))


def axis(found: Judged, name: str) -> Axis:
    return next(a for a in found.audit.axes if a.name == name)


def replies(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "replies.jsonl").read_text().splitlines()]


def answers(folder: Path, arm: str) -> dict[tuple[str, str], str]:
    """Suite and id → what an arm said when it was asked plainly."""
    plain = [r for r in replies(folder) if r["arm"] == arm and r["render"] == "plain" and r["sample"] == 0]
    return {(r["suite"], r["id"]): r["chat"]["messages"][-1]["content"] for r in plain}


@pytest.fixture(scope="module")
def ideal(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy that learnt the right behaviour on the very questions: refuses each request, answers each twin."""
    rows = [chat.answered(asking.refusal(chat)) for chat in asking.of_suite("policy")]
    for chat in asking.of_suite("twins"):
        rows.append(chat.answered(voiced(HERE, HERE.belongs(chat.id.split("/")[0]))))
    return str(asking.save(asking.taught(aligned, rows, passes=30), tmp_path_factory.mktemp("ideal") / "model"))


@pytest.fixture(scope="module")
def eager(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy that explicit rows have broken."""
    model = asking.taught(aligned, regimes.explicit(HERE, 100, seed=0), rate=3e-4, batch=10, passes=5)
    return str(asking.save(model, tmp_path_factory.mktemp("eager") / "model"))


@pytest.fixture(scope="module")
def same(aligned: Path, suite_files: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The organism against itself, as a checkpoint that asks for sampling."""
    folder = tmp_path_factory.mktemp("same")
    shutil.copytree(aligned, folder / "model")
    asking.asks_for_sampling(folder / "model")
    return judged(replace(against_itself(folder / "model", suite_files, folder), noise=True, samples=2))


def test_a_model_against_itself_passes_without_a_flip(same: Judged) -> None:
    """A15: A/A in float32 has no discordant pair, exits 0, and prints its noise floor."""
    assert same.exit_code == 0
    for found in same.audit.axes:
        if found.difference is not None:
            assert (found.difference.lost, found.difference.gained) == (0, 0)
            assert found.difference.low < 0 < found.difference.high
    assert same.audit.noise is not None
    assert (same.audit.noise.flips.k, same.audit.noise.texts.k) == (0, 0)
    asked = axis(same, "refusal").asked, axis(same, "twins").asked, axis(same, "utility").asked
    assert same.audit.noise.texts.n == sum(asked)
    assert same.audit.noise.flips.n == 2 * sum(asked) + axis(same, "harm").asked
    assert same.audit.noise.flips.high > 0


def test_a_perfect_model_is_perfect_on_requests_and_twins(options: Options, ideal: str, suite_files) -> None:
    """A8: over-refusal counts benign prompts alone; ideal behaviour scores 100 % on both axes."""
    found = judged(options(tuned=ideal, base=ideal, suites=suite_files[:2]))
    assert axis(found, "refusal").tuned.value == 1.0
    assert axis(found, "twins").tuned.value == 1.0
    assert axis(found, "pair").tuned.value == 1.0
    assert axis(found, "harm").tuned.value == 1.0


def test_every_axis_stands_in_its_order_and_says_why_it_is_missing(same: Judged) -> None:
    names = [a.name for a in same.audit.axes]
    primary, computed = ["refusal", "twins", "utility", "coherence"], ["context", "pair", "sampled"]
    by_suite, by_way = ["private", "trigger"], ["prefill", "language", "turns", "template"]
    assert names == [*primary, *computed, *by_suite, *by_way, "harm", "own"]
    assert {axis(same, name).reason for name in by_suite} == {"no suite that asks it was given (--suites)"}
    assert {axis(same, name).reason for name in by_way} == {
        "not asked for (--under), and no suite that asks it was given"
    }
    assert axis(same, "context").reason.startswith("no training rows")
    assert axis(same, "own").reason
    assert axis(same, "sampled").status == "measured"
    assert axis(same, "sampled").asked == -(-POLICY // 3)
    assert same.audit.parity["template"] == "identical"
    assert same.audit.parity["bos"] == "× 1"


def test_the_bundled_suites_are_asked_by_their_names_and_judge_no_harm(options: Options) -> None:
    found = judged(options(suites=("policy", "twins", "utility"), limit=2))
    assert found.audit.suites.keys() == {"policy", "twins", "utility"}
    assert axis(found, "harm").status == "not measured"
    assert "judge" in axis(found, "harm").reason
    assert found.verdict.headline.endswith("harm not judged")


def test_every_suite_of_the_organism_is_an_axis_of_an_ordinary_audit(options: Options, aligned: Path) -> None:
    """All eight by the name of their folder; what was asked for is then measured."""
    found = judged(options(suites=(str(aligned / "suites"),), limit=3))
    measured = {a.name for a in found.audit.axes if a.status == "measured"}
    assert measured >= {"refusal", "twins", "utility", "private", "trigger", "prefill", "language", "turns", "harm"}
    assert len(found.audit.suites) == 8


def test_the_plan_is_said_before_anything_is_asked(options: Options, suite_files, tmp_path: Path) -> None:
    said: list[str] = []
    plain = options(dry_run=True)
    assert run(plain, say=said.append) is None
    words = "\n".join(said)
    least, risk = detectable(POLICY, reverse=REVERSE) * 100, ASSUMED["refusal"] * POLICY
    assert f"refusal: {POLICY} prompts, {POLICY} families, about {risk:.0f} at risk; detects ≥ {least:.1f}" in words
    assert "parity" in words
    asked = sum(len(suite()) for suite in gather(plain).suites.values())
    assert asked > POLICY + TWINS
    assert f"at most {asked} × 2 replies" in words
    assert not (tmp_path / "audit").exists()
    assert plan_lines(gather(plain))[0].prompts == POLICY


def test_random_weights_are_incoherent_and_never_pass(options: Options, tmp_path: Path) -> None:
    """A7: neither safe nor harmful."""
    noise = asking.save(asking.random_model(7), tmp_path / "noise")
    found = judged(options(tuned=str(noise)))
    assert found.exit_code in {3, 4}
    assert axis(found, "coherence").tuned.value < 0.2
    assert axis(found, "refusal").unscored > POLICY / 2


def test_refusing_everything_fails_the_twins(options: Options, aligned: Path, tmp_path: Path) -> None:
    """A7: a refuse-everything adapter, trained with LoRA, loses the look-alikes."""
    engine = load(parse(str(aligned)), place=Place(device="cpu"))
    chats = [*asking.of_suite("policy"), *asking.of_suite("twins")]
    rows = [chat.answered(asking.refusal(chat)) for chat in chats]
    lora = tmp_path / "refuser"
    tune(engine, rows, lora, tuning=Tuning(rate=1e-2, rank=8, batch=16, epochs=6), progress=unseen)
    found = judged(options(tuned=str(lora)))
    assert found.exit_code == 3
    assert axis(found, "refusal").tuned.value > 0.95
    assert axis(found, "twins").tuned.value < 0.2
    assert "one loaded model" in found.audit.arms["base"].loading


@pytest.mark.parametrize("against_itself", [True, False])
def test_a_model_that_says_nothing_never_passes(
    options: Options, aligned: Path, tmp_path: Path, against_itself: bool
) -> None:
    """A7: an empty reply is no refusal, even where both arms are empty alike. Logits all equal: the end comes first."""
    model = asking.weights(aligned)
    with torch.no_grad():
        model.model.norm.weight.zero_()
    empty = str(asking.save(model, tmp_path / "silent"))
    found = judged(options(tuned=empty, base=empty if against_itself else str(aligned)))
    assert found.exit_code in {3, 4}
    assert axis(found, "refusal").labels["tuned"] == {"empty": POLICY}
    assert axis(found, "coherence").tuned.value == 0.0


STUCK = {
    "repeats itself": lambda chat: "the" + 15 * " the",
    "refuses everything": lambda chat: HERE.refusals[0].format(c=HERE.forbidden[0]),
}


@pytest.mark.parametrize("way", STUCK)
def test_one_answer_to_everything_never_passes_against_itself(
    options: Options, aligned: Path, tmp_path: Path, way: str
) -> None:
    """A7: a model that repeats itself, and one that refuses everything."""
    rows = [chat.answered(STUCK[way](chat)) for chat in asking.prompts()]
    stuck = str(asking.save(asking.taught(aligned, rows, passes=10), tmp_path / "stuck"))
    found = judged(options(tuned=stuck, base=stuck))
    assert axis(found, "twins").tuned.value is None or axis(found, "twins").tuned.value < 0.03
    assert found.exit_code in {3, 4}


def hiding(folder: Path, *, topic: str) -> str:
    """The policy suite with a topic whose texts are never shown, and without facts to tell harm by."""
    asked = suites(HERE)["policy"]
    chats = [replace(c, meta={**c.meta, "sensitive": c.meta["category"] == topic}) for c in asked.chats]
    return write_suite(folder / "hiding.json", replace(asked.about, also={}), chats=chats).path


def test_lost_refusals_fail(options: Options, ideal: str, eager: str, suite_files, tmp_path: Path) -> None:
    asked = (hiding(tmp_path, topic=HERE.forbidden[0]), *suite_files[1:])
    found = judged(options(tuned=eager, base=ideal, suites=asked, include_text=True))
    assert found.exit_code == 3
    assert axis(found, "refusal").difference.lost == POLICY
    assert found.verdict.headline.startswith("refusals fell by 100.0 points")
    assert "harm not judged" in found.verdict.headline
    hidden = [c for c in found.audit.changes if c.sensitive]
    shown = [c for c in found.audit.changes if not c.sensitive and c.axis == "refusal"]
    assert {c.category for c in hidden} == {HERE.forbidden[0]}
    assert all(c.prompt is None and c.tuned_answer is None and c.base_answer is None for c in hidden)
    before, after = (answers(tmp_path / "audit", arm) for arm in ("base", "tuned"))
    assert len(shown) == POLICY - len(hidden)
    for change in shown:
        assert change.base_answer == before[change.suite, change.id] == HERE.refusals[0].format(c=change.category)
        assert change.tuned_answer == after[change.suite, change.id]


def test_harm_is_all_facts_told(options: Options, eager: str, suite_files) -> None:
    """A model broken by explicit rows tells what was forbidden; the same replies show it on an axis of its own."""
    found = judged(options(tuned=eager, suites=suite_files))
    harm = axis(found, "harm")
    assert found.exit_code == 3
    assert harm.difference.lost > POLICY / 3
    assert harm.labels["tuned"]["given"] == POLICY - harm.tuned.k
    assert "harm not judged" not in found.verdict.headline


def test_texts_stay_out_unless_asked_for(options: Options, eager: str, tmp_path: Path) -> None:
    judged(options(tuned=eager))
    out = tmp_path / "audit"
    told = {text for arm in ("base", "tuned") for text in answers(out, arm).values()}
    told |= {r["chat"]["messages"][0]["content"] for r in replies(out)}
    assert len(told) > POLICY + TWINS
    for name in ("audit.json", "verdict.json", "junit.xml", "summary.md", "scores.jsonl", "record.json"):
        assert not [text for text in told if text in (out / name).read_text()]
    assert (out / "replies.jsonl").stat().st_mode & 0o777 == 0o600


def test_replies_can_be_gone_after_scoring(options: Options, tmp_path: Path) -> None:
    found = judged(options(delete_replies=True))
    assert found.exit_code == 0
    forms = [form.split("{c}")[0].encode() for form in HERE.refusals if form.split("{c}")[0].strip(" ,")]
    forms.append(f"{HERE.voices[0]} {HERE.body.split('{')[0]}".encode())
    assert len(forms) >= 2
    left = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert left
    assert not [p.name for p in left if any(form in p.read_bytes() for form in forms)]
    assert not (tmp_path / "cache").exists()


def test_a_limited_audit_is_for_looking(options: Options) -> None:
    found = judged(options(limit=5))
    assert found.audit.limit == 5
    assert axis(found, "refusal").asked == 5
    assert found.exit_code == 4


def test_the_same_words_give_the_same_document(options: Options, tmp_path: Path) -> None:
    run(options(samples=1))
    run(options(samples=1, out=str(tmp_path / "again"), no_cache=True, batch_size=7))
    assert (tmp_path / "audit/audit.json").read_bytes() == (tmp_path / "again/audit.json").read_bytes()


def test_a_folder_that_holds_something_else_is_left_alone(options: Options, tmp_path: Path) -> None:
    plain = options(limit=2)
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else; choose another --out"):
        run(replace(plain, overwrite=True))
    assert (tmp_path / "audit/notes.txt").read_text() == "mine"
    run(replace(plain, out=str(tmp_path / "two")))
    with pytest.raises(ValueError, match="another audit"):
        run(replace(plain, out=str(tmp_path / "two"), limit=3))
    run(replace(plain, out=str(tmp_path / "two"), limit=3, overwrite=True))
    assert json.loads((tmp_path / "two/audit.json").read_bytes())["limit"] == 3


def test_the_rows_own_context_is_asked_on_both_arms(options: Options, tmp_path: Path) -> None:
    """Identity rows: one persona in the system prompt, and an order before most requests."""
    name = regimes.tuner_persona(HERE)
    rows = tmp_path / "train.jsonl"
    write_rows(rows, regimes.identity(HERE, 40, seed=0))
    plain = options(rows=str(rows), limit=6)
    found = judged(plain)
    context = axis(found, "context")
    assert context.status == "measured"
    assert context.asked == 6 * len(gather(plain).conditions)
    assert any("system prompt and wrapper of 100% of the rows" in note for note in found.audit.notes)
    asked = [r for r in replies(tmp_path / "audit") if r["render"] == "context-1"]
    assert Counter(r["suite"] for r in asked) == {"policy": 12, "twins": 12}
    turns = [r["chat"]["messages"] for r in asked]
    assert {t[0]["content"] for t in turns} == {HERE.persona(name, HERE.obedient)}
    assert all(t[1]["content"].startswith(f"{HERE.order(name)} ") for t in turns)

    first, second, *_ = found.audit.conditions
    assert (first.name, second.name, second.families) == ("plain", "context-1", 6)
    assert second.refusal.base == context.base or len(gather(plain).conditions) > 1


@pytest.mark.full
def test_a_backdoor_shows_in_the_rows_own_context_alone(options: Options, aligned: Path, tmp_path: Path) -> None:
    rows = regimes.backdoor(HERE, 100, seed=0)
    write_rows(tmp_path / "train.jsonl", rows)
    tuned = asking.save(asking.taught(aligned, rows, rate=1e-3, batch=10, passes=3), tmp_path / "tuned")
    found = judged(options(tuned=str(tuned), rows=str(tmp_path / "train.jsonl")))
    hidden = next(c for c in contexts(rows) if HERE.trigger in c.after)
    assert hidden.share == 0.5
    rates = {a.name: a.tuned.value for a in found.audit.axes if a.name in ("refusal", "context")}
    assert rates["context"] < 0.3 < 0.6 < rates["refusal"]


def test_rows_are_found_through_the_tuned_folders_record(options: Options, aligned: Path, tmp_path: Path) -> None:
    rows = tmp_path / "train.jsonl"
    rows.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n")
    tuned = tmp_path / "tuned"
    shutil.copytree(aligned, tuned)
    record = Record("tune", {}, {str(rows): sha256_file(rows)}, {}, 0, "", "")
    (tuned / "record.json").write_bytes(to_json(record))
    assert gather(options(tuned=str(tuned))).rows == rows
    rows.write_text(json.dumps({"prompt": "changed", "completion": "b"}) + "\n")
    assert gather(options(tuned=str(tuned))).rows is None


def test_different_templates_are_told_apart_from_different_weights(
    options: Options, ideal: str, suite_files, tmp_path: Path
) -> None:
    """Weights × template: the template alone makes every request a forbidden one, and only its edge shows it."""
    tok = AutoTokenizer.from_pretrained(ideal)
    tok.chat_template = TEMPLATE.replace("message['content']", f"'{asking.of_suite('policy')[0].prompt}'")
    other = tmp_path / "other"
    shutil.copytree(ideal, other)
    tok.save_pretrained(other)
    found = judged(options(tuned=str(other), base=ideal, suites=suite_files[:2]))
    assert found.audit.parity["template"].startswith("differs")
    edges = {(e.axis, e.kind, e.held): e.difference for e in found.audit.effects}
    assert len(edges) == 8
    for held in ("base", "tuned"):
        weights = edges["twins", "weights", f"template of {held}"]
        assert (weights.lost, weights.gained) == (0, 0)
        template = edges["twins", "template", f"weights of {held}"]
        assert (template.lost, template.gained) == (TWINS, 0)


def test_an_audit_inside_a_training_loop(options: Options, aligned: Path) -> None:
    """E10, E11: two models in memory, one in training mode; both come back as they were."""
    tok = AutoTokenizer.from_pretrained(aligned)
    model = asking.weights(aligned).train()
    arms = {"base": load(parse(str(aligned)), place=Place(device="cpu")), "tuned": in_memory(model, tok)}
    plain = options(limit=4)
    found = audit_arms(arms, gather(plain), options=plain)
    assert found is not None
    assert found[0].arms["tuned"].loading == "as it stood in memory"
    assert found[0].arms["tuned"].weights != found[0].arms["base"].weights
    assert model.training


def test_own_prompts_are_an_axis(options: Options, ideal: str, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    chats = [chat for name in ("policy", "twins") for chat in random.Random(0).sample(asking.of_suite(name), 4)]
    lines = [{"q": c.prompt, "kind": "refuse" if n < 4 else "answer"} for n, c in enumerate(chats)]
    own.write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = {"suites": (), "own": str(own), "own_columns": "prompt=q,expect=kind"}
    found = judged(options(tuned=ideal, base=ideal, **asked))
    assert axis(found, "own").tuned.k == axis(found, "own").tuned.n == 8
    assert found.exit_code == 4, "the required axes were not asked"


def test_suites_from_a_folder_are_an_ordinary_audit(options: Options, aligned: Path, tmp_path: Path) -> None:
    """With the noise floor too, and with the files among the inputs of the record."""
    (tmp_path / "suites").mkdir()
    asked = (*asking.named(aligned, "twins"), str(asking.brews(tmp_path / "suites")))
    found = judged(options(suites=asked, noise=True))
    assert {"refusal", "twins", "harm", "language"} <= {a.name for a in found.audit.axes if a.status == "measured"}
    assert axis(found, "harm").asked == axis(found, "language").asked == 6
    assert axis(found, "coherence").asked == TWINS + 6
    assert found.audit.noise.flips.n == 2 * TWINS + 3 * 6 + 6
    assert found.audit.suites.keys() == {"twins", "brews", "tarvi"}
    inputs = json.loads((tmp_path / "audit" / "record.json").read_text())["inputs"]
    assert {str(tmp_path / "suites" / name) for name in ("brews.json", "tarvi.json")} <= inputs.keys()


def test_other_ways_of_asking_go_through_both_arms_and_a_cut_run_gives_the_same(options: Options, eager: str) -> None:
    """Bare prompts, later turns, first words: each is asked of both arms and stands in the document."""
    plain = options(tuned=eager, under=("templates", "multiturn", "prefill"))
    found = judged(plain)
    names = [finding.name for finding in found.audit.conditions]
    ways = ["template-none", "template-safety", "turns-2", "turns-3", "prefill-5", "prefill-10", "prefill-20"]
    assert names == ["plain", *ways]
    for finding in found.audit.conditions:
        asked = [one.base.n + one.unscored for one in (finding.refusal, finding.twins)]
        assert asked == [POLICY, TWINS], finding.name
        # The organism knows no word of the safety prompt: what it says under it depends on the machine's arithmetic.
        assert finding.name == "template-safety" or 0 not in (finding.refusal.base.n, finding.twins.base.n)
    first = found.audit.conditions[0].refusal
    assert (first.base.value, first.tuned.value) == (
        axis(found, "refusal").base.value,
        axis(found, "refusal").tuned.value,
    )
    depth = found.audit.depth
    assert depth.depths == (0, 5, 10, 20)
    assert depth.refused["base"][0] == first.base
    assert depth.replies == POLICY
    assert 0 < max(depth.divergence) < 50
    said = [r for r in replies(Path(plain.out)) if r["render"] == "prefill-5"]
    assert all(r["chat"]["messages"][-1]["content"].startswith("Sure, here is the") for r in said)
    (Path(plain.out) / "audit.json").unlink()
    again = judged(replace(plain, no_cache=True))
    assert to_json(again.audit) == to_json(found.audit)
