"""judge run: an audit's replies, judges behind a scripted server, and what is written, kept and said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endpoint import Endpoint, Sent, answer, serving
from judged_folder import BROKEN, FINE, HARM, REFUSED, audited, replies_of, reply
from judging import LIMITS, SOON, honest, marked, told
from spoken import refused, said
from tuneward import gate
from tuneward.findings import Audit, Axis
from tuneward.judge import run as judge
from tuneward.judge.options import JudgeOptions
from tuneward.judge.run import SaidOf
from tuneward.judges.named import JudgeSpec
from tuneward.record import Record, read_json, read_jsonl
from tuneward.remote import connect
from tuneward.results import read_audit, read_scores
from tuneward.speaking import Speaker

SIZE = 50
NEEDS_HARM = '[gate]\nrequired = ["harm", "twins"]\nmargin = 15.0\n'
Reach = Callable[[JudgeSpec], Speaker]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TUNEWARD_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWARD_CACHE", str(tmp_path / "kept"))
    (tmp_path / "needs-harm.toml").write_text(NEEDS_HARM)


def reach(spec: JudgeSpec) -> Speaker:
    return connect(spec.model, limits=LIMITS)


def options(folder: Path, *servers: Endpoint, **more: Any) -> JudgeOptions:
    by = more.pop("by", tuple(f"rubric:{server.name()}" for server in servers))
    return JudgeOptions(folder=str(folder), by=by, cache_dir=str(folder.parent / "kept"), **{"control": 20, **more})


def steady_folder(tmp_path: Path, *, harm: int = 0, changed: int = 0) -> Path:
    """50 requests: refused by both arms, but some answered by the tuned model, harmfully or not."""
    texts = [(REFUSED, HARM)] * harm + [(REFUSED, FINE)] * changed
    return audited(tmp_path / "audit", replies_of(texts + [(REFUSED, REFUSED)] * (SIZE - len(texts))))


def axis(audit: Audit, name: str = "harm") -> Axis:
    return next(one for one in audit.axes if one.name == name)


def texts_of(folder: Path) -> set[str]:
    lines = (folder / "replies.jsonl").read_text().splitlines()
    return {message["content"] for line in lines for message in json.loads(line)["chat"]["messages"]}


# what is written ------------------------------------------------------------------------------------------------------


def test_an_audit_gets_its_axis_and_every_file_says_the_same(tmp_path: Path) -> None:
    folder = steady_folder(tmp_path, harm=6, changed=4)
    with serving(honest) as server:
        found = judge.run(options(folder, server), reach=reach)
        assert found is not None
        calls = len(server.bodies)
    audit, where = found
    assert where == folder
    assert read_audit(folder) == audit
    harm, told_of = audit.harm, axis(audit)
    assert harm is not None
    assert (harm.pairs, harm.judged, harm.calls) == (50, 30, calls)
    assert harm.arms["tuned"].harmful.value == pytest.approx(6 / 50)
    assert harm.arms["tuned"].worst.value == pytest.approx(6 / 50)
    assert (told_of.status, told_of.role) == ("measured", "exploratory")
    assert told_of.difference.value == pytest.approx(-6 / 50)
    assert [change.id for change in audit.changes if change.axis == "harm"] == [f"any-{n:03}" for n in range(6)]
    rows = [row for row in read_scores(folder) if row.axis == "harm"]
    assert len(rows) == 2 * 30
    (info,) = harm.judges
    assert {row.score.scorer for row in rows} == {f"rubric:{info.identity[:12]}"}
    assert (info.read, info.unjudged, info.kind, info.name) == (60, 0, "rubric", server.name())
    record = read_json(folder / "judged.json", Record)
    assert record.verb == "judge"
    assert record.inputs[f"rubric: {server.name()}"] == info.identity
    assert set(record.inputs) == {f"rubric: {server.name()}", "replies.jsonl"}
    assert record.usage["calls"] == calls


def test_texts_and_the_judges_words_stay_in_private_files(tmp_path: Path) -> None:
    folder = steady_folder(tmp_path, harm=3)

    def repeats(body: dict[str, Any], n: int) -> str:
        level = json.loads(honest(body))["score"]
        return told(level, reason="It says SECRET WORDS.")

    with serving(repeats) as server:
        judge.run(options(folder, server), reach=reach)
    gate.run(gate.GateOptions(folder=str(folder)))
    private = {"verdicts.jsonl", "scores.jsonl", "replies.jsonl"}
    assert {name: (folder / name).stat().st_mode & 0o777 for name in private} == dict.fromkeys(private, 0o600)
    kept = [path for path in (folder / "judgements").rglob("*") if path.is_file()]
    assert kept
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    lines = read_jsonl(folder / "verdicts.jsonl", SaidOf)
    assert {score.reason for line in lines for score in line.verdicts.values()} == {"It says SECRET WORDS."}
    assert {(line.shape, line.weight) for line in lines} == {("answered", 1.0), ("refused", 1.0), ("refused", 47 / 20)}
    public = [path for path in folder.iterdir() if path.is_file() and path.name not in private - {"scores.jsonl"}]
    hidden = [*texts_of(folder), "SECRET WORDS"]
    assert len(public) >= 6
    assert not [(path.name, text) for path in public for text in hidden if text in path.read_text()]


def test_other_judges_replace_the_first_and_earlier_verdicts_go(tmp_path: Path) -> None:
    folder = steady_folder(tmp_path, harm=6)
    with serving(honest) as server, serving(lambda body, n: told(1)) as other:
        judge.run(options(folder, server), reach=reach)
        first = gate.run(gate.GateOptions(folder=str(folder)))
        assert (folder / "verdict.json").is_file()
        judge.run(options(folder, other), reach=reach)
        assert not (folder / "verdict.json").exists(), "what was concluded from the first judge is gone"
        second = gate.run(gate.GateOptions(folder=str(folder)))
        judge.run(options(folder, server), reach=reach)
        again = gate.run(gate.GateOptions(folder=str(folder)))
    assert axis(first.audit).difference.lost == 6
    assert axis(second.audit).difference.lost == 0
    assert again.audit == first.audit
    assert len([row for row in read_scores(folder) if row.axis == "harm"]) == 2 * 26


def test_the_same_words_ask_nothing_again_and_a_cut_run_goes_on(tmp_path: Path) -> None:
    folder, other = steady_folder(tmp_path, harm=6), tmp_path / "other"
    shutil.copytree(folder, other)
    dead = [True]
    with serving(lambda body, n: Sent(503, {}, SOON) if dead[0] and n > 20 else honest(body)) as server:
        before = (folder / "audit.json").read_bytes()
        with pytest.raises(ValueError, match="start again to go on"):
            judge.run(options(folder, server), reach=reach)
        assert (folder / "audit.json").read_bytes() == before
        assert not (folder / "judged.json").exists()
        dead[0], asked = False, len(server.bodies)
        found = judge.run(options(folder, server), reach=reach)
        rest = len(server.bodies) - asked
        whole = judge.run(options(other, server), reach=reach)
        assert found[0] == whole[0]
        assert 20 <= rest < 52 == len(server.bodies) - asked - rest
        asked = len(server.bodies)
        again = judge.run(options(folder, server), reach=reach)
        assert len(server.bodies) == asked
    assert again[0] == found[0]


def test_a_dry_run_says_the_plan_and_the_bill_and_asks_nothing(tmp_path: Path) -> None:
    folder, lines = steady_folder(tmp_path, harm=6), []
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with serving(honest) as server:
        plan = options(folder, server, dry_run=True, price=(3.0, 15.0))
        assert judge.run(plan, reach=reach, say=lines.append) is None
        assert server.paths == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    words = "\n".join(lines)
    assert "6 of 6 where outcome changed; 20 of 44 where both refused" in words
    assert "52 replies × 1 judges, 3 tries at most" in words
    assert f"at most {52 * 300} received, at most $" in words
    with serving(honest) as server:
        several = options(folder, dry_run=True, by=("rubric:http://h/v1#m", "shieldgemma:http://h/v1#g"))
        judge.run(several, reach=reach, say=lines.append)
    assert f"at most {52 * 300 + 4 * 52 * 8} received" in lines[-1], "one call a policy"


def test_the_estimate_is_not_below_what_is_sent(tmp_path: Path) -> None:
    folder, lines = steady_folder(tmp_path), []
    with serving(honest) as server:
        judge.run(options(folder, server, language="zh"), reach=reach, say=lines.append)
        sent = sum(len(body["messages"][0]["content"].encode()) for body in server.bodies)
    told_of = int(lines[1].split("about ")[1].split(" tokens")[0])
    assert sent / 3 <= told_of <= sent


# what cannot be judged ------------------------------------------------------------------------------------------------


def test_incoherent_pairs_and_lone_replies_are_counted_and_asked_of_nobody(tmp_path: Path) -> None:
    texts = [(REFUSED, BROKEN)] * 3 + [(BROKEN, HARM)] * 2 + [(REFUSED, None)] * 2 + [(REFUSED, REFUSED)] * 15
    folder = audited(tmp_path / "audit", replies_of(texts))
    with serving(honest) as server:
        found = judge.run(options(folder, server), reach=reach)
        assert len(server.bodies) == 30
    audit = found[0]
    harm = axis(audit)
    assert (harm.asked, harm.unscored, harm.unmatched) == (20, 5, ("any-005", "any-006"))
    assert audit.harm.arms["tuned"].outcomes == {"refused": 15, "incoherent": 3, "unjudged": 2}
    assert gate.run(gate.GateOptions(folder=str(folder), policy="needs-harm.toml")).exit_code == 4


@pytest.mark.parametrize(
    "sent",
    [
        "no comment",
        pytest.param(told(0), marks=pytest.mark.full),
        pytest.param(Sent(body=answer("", finish="content_filter")), marks=pytest.mark.full),
        pytest.param(Sent(body=answer(told(1), finish="length")), marks=pytest.mark.full),
    ],
)
def test_a_judge_that_never_says_a_verdict_leaves_everything_unjudged_and_no_gate_opens(
    tmp_path: Path, sent: Sent | str
) -> None:
    """A9: a failing judge never makes a reply benign."""
    folder = steady_folder(tmp_path, harm=6)
    with serving(lambda body, n: sent) as server:
        audit, _ = judge.run(options(folder, server, retries=0), reach=reach)
    harm = axis(audit)
    assert (harm.difference.n, harm.base.n, harm.base.value) == (0, 0, None)
    assert harm.labels == {arm: {"unjudged": 26} for arm in ("base", "tuned")}
    assert (audit.harm.judges[0].unjudged, audit.harm.judged) == (52, 0)
    assert audit.harm.arms["tuned"].harmful.value is None
    assert audit.harm.difference.value is None
    found = gate.run(gate.GateOptions(folder=str(folder), policy="needs-harm.toml"))
    assert found.exit_code == 4
    (tmp_path / "twins.toml").write_text('[gate]\nrequired = ["twins"]\n')
    assert gate.run(gate.GateOptions(folder=str(folder), policy="twins.toml")).exit_code == 0, "harm is not required"


def test_a_server_that_is_down_prompt_by_prompt_leaves_everything_unjudged(tmp_path: Path) -> None:
    folder = audited(tmp_path / "audit", replies_of([(REFUSED, HARM)] * 3))
    with serving(lambda body, n: Sent(500, {}, SOON)) as server:
        audit, _ = judge.run(options(folder, server, retries=0, batch_size=1), reach=reach)
    assert axis(audit).unscored == 3
    assert [note for note in audit.notes if note.startswith("judge rubric") and "status 500 (6)" in note]
    assert gate.run(gate.GateOptions(folder=str(folder), policy="needs-harm.toml")).exit_code == 4


def test_some_unjudged_above_the_limit_keep_the_gate_shut_and_below_it_do_not(tmp_path: Path) -> None:
    for lost, code in ((10, 4), (2, 0)):
        folder = steady_folder(tmp_path / str(lost))
        marks = {f"any-{n:03} tuned": "no comment" for n in range(lost)}
        with serving(marked(marks)) as server:
            judge.run(options(folder, server, retries=0, everything=True), reach=reach)
        found = gate.run(gate.GateOptions(folder=str(folder), policy="needs-harm.toml"))
        assert (found.exit_code, axis(found.audit).unscored) == (code, lost)


def test_harm_that_came_fails_a_gate_that_requires_it(tmp_path: Path) -> None:
    folder = steady_folder(tmp_path, harm=20)
    with serving(honest) as server:
        judge.run(options(folder, server, everything=True), reach=reach)
    found = gate.run(gate.GateOptions(folder=str(folder), policy="needs-harm.toml"))
    assert found.exit_code == 3
    assert "harm" in {check.axis for check in found.verdict.checks if check.outcome == "fail"}


# several judges -------------------------------------------------------------------------------------------------------


def test_a_panel_is_recorded_with_its_agreement_and_disagreements(tmp_path: Path) -> None:
    folder = audited(tmp_path / "audit", replies_of([(REFUSED, HARM)] * 10 + [(REFUSED, FINE)] * 10))
    stern = marked({"(any-012 tuned)": told(4)})

    def guard(body: dict[str, Any], n: int) -> Sent | str:
        return "unsafe\nS1" if "HARM" in str(body["messages"]) else "safe"

    with serving(honest) as one, serving(stern) as two, serving(guard) as three:
        by = (f"rubric:{one.name()}", f"rubric:{two.name()}", f"llama-guard-4:{three.name()}")
        audit, _ = judge.run(options(folder, by=by), reach=reach)
    harm = audit.harm
    assert [judge.kind for judge in harm.judges] == ["rubric", "rubric", "llama-guard-4"]
    assert harm.disagreements == ("tuned/any-012",)
    assert [agreed.measure for agreed in harm.agreement] == ["kappa"] * 3 + ["alpha"]
    assert axis(audit).difference.lost == 10
    rows = [row for row in read_scores(folder) if row.axis == "harm"]
    assert {row.score.scorer.partition(":")[0] for row in rows} == {"panel"}
    lines = read_jsonl(folder / "verdicts.jsonl", SaidOf)
    assert {len(line.verdicts) for line in lines} == {4}
    assert len(read_json(folder / "judged.json", Record).inputs) == 4


def test_one_judge_under_two_names_is_refused(tmp_path: Path) -> None:
    """A judge agrees with itself: counted twice it would outvote the others."""
    folder = steady_folder(tmp_path)
    with serving(honest) as server:
        twice = options(folder, by=(f"rubric:{server.name()}", f"rubric:{server.url}/#m"))
        with pytest.raises(ValueError, match="the same judge as one before it"):
            judge.run(twice, reach=reach)
    with pytest.raises(ValueError, match="names one judge twice"):
        options(folder, by=("rubric:m", "rubric:m"))


# the command line -----------------------------------------------------------------------------------------------------


def test_the_words_of_the_command_line_end_in_the_gates_code(tmp_path: Path) -> None:
    folder = steady_folder(tmp_path, harm=20)
    with serving(honest) as server:
        words = ("judge", "run", folder, "--by", f"rubric:{server.name()}", "--control", "10")
        plain, strict = said(*words), said(*words, "--everything", "--policy", "needs-harm.toml", "--json", "-q")
    assert plain.code in (3, 5)
    assert "plan     20 of 20 where outcome changed" in plain.err
    assert strict.code == 3
    told_of = json.loads(strict.out)
    assert told_of["verdict"]["exit_code"] == 3
    assert strict.err == ""
    assert {"report.html", "verdict.json"} <= {path.name for path in folder.iterdir()}


def test_failures_are_one_line_and_code_two(tmp_path: Path) -> None:
    folder = audited(tmp_path / "audit", replies_of([(REFUSED, REFUSED)] * 2))
    with serving(lambda body, n: Sent(401, {})) as server, serving(lambda body, n: Sent(500, {}, SOON)) as down:
        assert "TUNEWARD_API_KEY" in refused(said("judge", "run", folder, "--by", f"rubric:{server.name()}", "-q"))
        assert "none of" in refused(said("judge", "run", folder, "--by", f"rubric:{down.name()}", "-q"))
        (folder / "replies.jsonl").unlink()
        gone = refused(said("judge", "run", folder, "--by", f"rubric:{server.name()}", "-q"))
    assert "no replies are left to judge; audit without --delete-replies" in gone
    assert "no such folder" in refused(said("judge", "run", tmp_path / "none", "--by", "rubric:http://h/v1#m", "-q"))
    assert "did you mean rubric:MODEL" in refused(said("judge", "run", folder, "--by", "rubrik:m", "-q"))
    assert "no such file" in refused(said("judge", "run", folder, "--by", "rubric:m", "--template", "no.md", "-q"))
    for wrong in (("--control", "-1"), ("--retries", "-1"), ("--timeout", "0"), ("--concurrency", "0")):
        assert "expected" in refused(said("judge", "run", folder, "--by", "rubric:m", *wrong, "-q"))


def test_own_instructions_are_checked_before_anything_is_asked(tmp_path: Path) -> None:
    folder, own = steady_folder(tmp_path), tmp_path / "own.md"
    own.write_text("Judge {answer}")
    with serving(honest) as server:
        line = refused(said("judge", "run", folder, "--by", f"rubric:{server.name()}", "--template", own, "-q"))
        assert server.paths == []
    assert "{policy} stands 0 times" in line


def test_a_limited_audit_stays_one_and_a_broken_verdict_file_is_no_obstacle(tmp_path: Path) -> None:
    replies = replies_of([(REFUSED, REFUSED)] * 30)
    folder = audited(tmp_path / "audit", replies, limit=30)
    (folder / "verdict.json").write_text("broken")
    with serving(honest) as server:
        judge.run(options(folder, server), reach=reach)
    assert gate.run(gate.GateOptions(folder=str(folder))).exit_code == 4
    assert reply("any-000", "base", "x").chat.prompt == replies[0].chat.prompt
