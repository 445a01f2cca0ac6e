"""The command line: one code for one verdict, one line for one failure, and nothing that passes by accident."""

import json
import sys
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest

from damage import BROKEN
from hand_made import audit_of, counted, sound, write_folder
from spoken import Said, refused, said
from tuneward import cli
from tuneward import voice as voices
from tuneward.cli import VERBS, Verb, Voice, parse, run
from tuneward.gate import GateOptions

NEEDED = {
    "screen": ["data"],
    "tune": ["model", "data", "--out", "tuned"],
    "audit": ["model"],
    "repair": ["tuned", "--out", "repaired"],
    "fix": ["tuned", "--rows", "rows.jsonl"],
    "compare": ["a", "b"],
    "judge run": ["--by", "rubric:model", "--seed", "1", "folder"],
    "judge sheet": ["folder"],
    "judge calibrate": ["folder", "labels"],
    "export": ["folder"],
    "gate": ["folder"],
    "report": ["folder"],
    "policy": ["init"],
    "demo": [],
    "study build": [],
    "study align": [],
    "study rows": ["explicit", "--out", "rows.jsonl"],
    "doctor": [],
    "cache": [],
}
"""Verb → the words without which it cannot be parsed."""
LOSS = [*sound(without=["refusal"]), *counted("refusal", kept=360, lost=37, gained=3, never=12)]
VERDICTS = {
    "pass": (sound(), 0),
    "fail": (LOSS, 3),
    "not established": (sound(without=["twins"]), 4),
    "not resolved": ([*sound(without=["twins"]), *counted("twins", kept=40)], 5),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and no cache is looked at, outside the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWARD_CACHE", str(tmp_path / "kept"))


# failures -------------------------------------------------------------------------------------------------------------


def test_every_verb_is_tried_here() -> None:
    assert set(NEEDED) == set(VERBS)


WRONG = {
    "unknown option": (["--frobnicate"], "--frobnicate"),
    "abbreviated option": (["--verb"], "--verb"),
    "abbreviated to a letter": (["-j"], "-j"),
    "flag with a value": (["--json=no"], "no"),
    "negated flag": (["--no-json"], "--no-json"),
    "a word too many": (["one", "two", "three"], "'one'|three"),
    "hostile word": (["--\x1b[31m\u202e\nerror: b"], "⟨U+001B⟩"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("word", VERBS)
def test_a_word_that_no_verb_takes_is_refused(word, wrong):
    """G3: nothing is guessed, nothing runs."""
    words, named = WRONG[wrong]
    line = refused(said(*word.split(), *NEEDED[word], *words))
    assert any(part in line for part in named.split("|"))


@pytest.mark.parametrize("word", [word for word, needed in NEEDED.items() if needed])
def test_a_verb_without_what_it_needs_is_refused(word):
    """G3."""
    assert f"tuneward {word}: missing" in refused(said(*word.split()))


BAD_VALUES = [
    ("audit", "x", "--limit", "0", "limit is 0"),
    ("audit", "x", "--limit", "many", "--limit"),
    ("audit", "x", "--samples", "-1", "samples is -1"),
    ("audit", "x", "--batch-size", "0", "batch_size is 0"),
    ("audit", "x", "--dtype", "int3", "'int3'"),
    ("audit", "x", "--limit", "", "--limit"),
    ("compare", "a", "b", "--expect", "maybe", "'maybe'"),
    ("compare", "a", "b", "--seed", "1.5", "--seed"),
    ("policy", "wash", "'wash'"),
    ("cache", "wash", "'wash'"),
    ("gate", "x", "--policy", "--policy"),
    ("report", "x", "--out", "--out"),
    ("study", "build", "--size", "huge", "'huge'"),
    ("study", "build", "--recovery", "2", "recovery is 2"),
    ("study", "build", "--world", "-1", "world is -1"),
    ("study", "rows", "expliict", "-o", "x", "'expliict'"),
    ("study", "rows", "explicit", "-o", "x", "--count", "0", "count is 0"),
]


@pytest.mark.parametrize("words", BAD_VALUES, ids=" ".join)
def test_a_bad_value_is_refused_by_name(words):
    """G3."""
    *words, named = words
    assert named in refused(said(*words))


@pytest.mark.parametrize("word", ["nope", "gat", "GATE", "--json", "-q", "gate ", ""])
def test_an_unknown_verb_is_refused(word):
    """G3."""
    assert "no verb" in refused(said(word))
    assert "did you mean 'gate'?" in refused(said("gat"))


UNKNOWN = {
    ("study", "bild"): "no verb 'study bild'; did you mean 'study build'?",
    ("study", "rwos", "explicit"): "no verb 'study rwos'; did you mean 'study rows'?",
    ("study", "--json"): "no verb 'study --json'; expected one of study build, study rows, study align",
    ("study", ""): "no verb 'study '; expected one of study build, study rows, study align",
    ("studdy", "build"): "no verb 'studdy'; did you mean 'study'?",
    ("study build",): "no verb 'study build'; did you mean 'study'?",
    ("gate build",): "no verb 'gate build'",
    ("build",): "no verb 'build'; expected one of screen, tune, audit, judge, compare, repair, fix, gate, report",
}


@pytest.mark.parametrize("words", UNKNOWN, ids=" ".join)
def test_an_unknown_verb_of_two_words_is_refused_with_the_nearest_right_one(tmp_path, words):
    """G3: neither word is guessed, and nothing runs."""
    assert UNKNOWN[words] in refused(said(*words))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", BROKEN)
@pytest.mark.parametrize("word", ["gate", "report", "compare"])
def test_a_folder_that_cannot_be_read_is_refused_and_left_alone(tmp_path, word, damage):
    """G3: an unfinished or damaged audit never gets a verdict or a page."""
    good, bad = write_folder(tmp_path / "good", sound()), write_folder(tmp_path / "bad", sound())
    damage(bad)
    before = sorted(tmp_path.rglob("*"))
    refused(said(word, *([good] if word == "compare" else []), bad))
    refused(said(word, bad, *([good] if word == "compare" else []), "--json"))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("word", ["gate", "report", "compare"])
def test_a_file_nested_without_end_is_refused(tmp_path, word):
    """G3: not a crash."""
    folder = write_folder(tmp_path / "audit", sound())
    (folder / "audit.json").write_text('{"x": ' + "[" * 100_000, encoding="utf-8")
    refused(said(word, folder, *([folder] if word == "compare" else [])))


POLICIES = {
    "unknown key": ("[gate]\nmagin = 3.0\n", r"policy.toml:2: unknown key 'magin'; did you mean 'margin'?"),
    "bad TOML": ("[gate\n", "policy.toml: not TOML"),
    "wrong type": ('[gate]\nmargin = "3"\n', "policy.toml:2: "),
    "nested without end": ("x = " + "[" * 5000, ""),
    "not text": (b"\xff\xfe", "policy.toml: not UTF-8"),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_that_cannot_be_read_is_refused(tmp_path, policy):
    """G3: by the gate, and by the audit before it asks anything."""
    text, named = POLICIES[policy]
    (tmp_path / "policy.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    folder = write_folder(tmp_path / "audit", sound())
    assert named in refused(said("gate", folder, "--policy", "policy.toml"))
    assert named in refused(said("audit", "missing", "--policy", "policy.toml"))
    assert not (folder / "verdict.json").exists()
    assert "no such policy" in refused(said("gate", folder, "--policy", "none.toml"))


def test_inputs_that_do_not_fit_are_refused_by_compare(tmp_path):
    """G3."""
    folder = write_folder(tmp_path / "audit", sound())
    log = tmp_path / "a.jsonl"
    log.write_text('{"prompt": "Q?", "answer": "A."}\n', encoding="utf-8")
    assert "two of a kind" in refused(said("compare", folder, log))
    assert "no such file or folder" in refused(said("compare", log, "none.jsonl"))
    assert "are for files" in refused(said("compare", folder, folder, "--expect", "refuse"))
    assert "is no comparison" in refused(said("compare", log, log, "--out", folder))
    assert "is no comparison" in refused(said("compare", log, log, "--out", log.with_name("audit") / "audit.json"))
    assert "is one of the two" in refused(said("compare", log, log, "--out", log))
    log.write_text('{"prompt": "Q?"}\n', encoding="utf-8")
    assert "a.jsonl:1: none of answer" in refused(said("compare", log, log))
    assert "is a folder" in refused(said("report", folder, "--out", folder))


def model(folder: Path, *, config: str = "{}", weights: str = "model.safetensors") -> Path:
    """A folder that looks like a checkpoint and is none."""
    folder.mkdir()
    (folder / "config.json").write_text(config, encoding="utf-8")
    (folder / weights).write_bytes(b"")
    return folder


def adapter(folder: Path, config: str) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(config, encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"")
    return folder


def shards(folder: Path) -> Path:
    model(folder)
    index = {"weight_map": {"w": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


UNUSABLE = {
    "no model": (lambda t: ["./missing"], "no such folder"),
    "no base": (lambda t: [model(t / "m"), "--base", "./missing"], "no such folder"),
    "base not said": (lambda t: [model(t / "m")], "give --base"),
    "empty name": (lambda t: [""], "model name is empty"),
    "adapter with an empty base": (lambda t: [adapter(t / "a", '{"base_model_name_or_path": ""}')], "is empty"),
    "adapter that is no JSON": (lambda t: [adapter(t / "a", "{")], "not readable"),
    "adapter on a base that is gone": (lambda t: [adapter(t / "a", '{"base_model_name_or_path": "./gone"}')], "gone"),
    "pickles only": (lambda t: [model(t / "m", weights="pytorch_model.bin"), "--base", "o/b"], "pickled weights"),
    "pickles only, as base": (lambda t: ["o/b", "--base", model(t / "m", weights="w.pt")], "pickled weights"),
    "code of its own": (lambda t: [model(t / "m", config='{"auto_map": {}}'), "--base", "o/b"], "auto_map"),
    "configuration that is no JSON": (lambda t: [model(t / "m", config="{"), "--base", "o/b"], "config.json"),
    "no weights": (lambda t: [model(t / "m", weights="notes.txt"), "--base", "o/b"], "no model.safetensors"),
    "missing shard": (lambda t: [shards(t / "m"), "--base", "o/b"], "missing shard"),
    "unknown precision": (lambda t: [f"pretrained={model(t / 'm')},dtype=int3"], "unknown dtype 'int3'"),
    "unknown part": (lambda t: [f"pretrained={model(t / 'm')},lora=x"], "lora"),
    "vLLM": (lambda t: ["vllm/org/name"], "vLLM models are not supported"),
    "endpoint": (lambda t: ["openai-api/org/name"], "endpoint"),
    "no GGUF file": (lambda t: ["./gone.gguf", "--base", "o/b"], "no such file"),
    "adapter on the hub": (lambda t: ["peft://org/name"], "downloaded first"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_models_that_no_audit_can_use_are_refused_before_anything_is_loaded(tmp_path, monkeypatch, case):
    """G3, G9: hostile and mistaken names cost no second, and write nothing."""

    class Nothing:
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            assert name.partition(".")[0] not in ("torch", "transformers", "peft"), f"{name} was loaded"

    monkeypatch.setattr(sys, "meta_path", [Nothing(), *sys.meta_path])
    words, named = UNUSABLE[case]
    assert named in refused(said("audit", *words(tmp_path), "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


# one verdict, one code ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", VERDICTS)
def test_text_json_junit_markdown_and_page_give_the_same_verdict(tmp_path, outcome):
    """G5."""
    rows, code = VERDICTS[outcome]
    folder = write_folder(tmp_path / "audit", rows)
    text, document = said("gate", folder), said("gate", folder, "--json")
    page = said("report", folder)
    assert (text.code, document.code, page.code) == (code, code, 0)
    assert text.err == document.err == page.err == ""
    assert f"VERDICT  {outcome.upper()}, exit {code}: " in text.out
    verdict = json.loads(document.out)["verdict"]
    assert (verdict["outcome"], verdict["exit_code"]) == (outcome, code)
    assert json.loads((folder / "verdict.json").read_bytes()) == verdict
    suite = ElementTree.parse(folder / "junit.xml").find("testsuite")
    stated = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert (stated["outcome"], stated["exit_code"]) == (outcome, str(code))
    assert (int(suite.get("failures")) + int(suite.get("errors")) == 0) == (code == 0)
    assert f"**tuneward: {outcome.upper()}** (exit {code}): " in (folder / "summary.md").read_text(encoding="utf-8")
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert f'<h2 id="verdict">{outcome}</h2><p class="exit">exit code <b>{code}</b></p>' in html


def test_an_improvement_ends_with_0(tmp_path):
    """G4."""
    rows = [*sound(without=["refusal"]), *counted("refusal", kept=100, gained=50)]
    assert said("gate", write_folder(tmp_path / "audit", rows)).code == 0
    before = write_folder(tmp_path / "before", LOSS)
    after = write_folder(tmp_path / "after", [*sound(without=["refusal"]), *counted("refusal", kept=412)])
    assert (said("compare", before, after).code, said("compare", after, before).code) == (0, 3)


def test_nothing_measured_and_a_limited_audit_end_with_4(tmp_path):
    """G6, and a look with --limit is never a verdict."""
    assert said("gate", write_folder(tmp_path / "empty", [])).code == 4
    limited = write_folder(tmp_path / "limited", sound(), audit_of(sound(), limit=150))
    shown = said("gate", limited)
    assert shown.code == 4
    assert shown.out.count("only 150 prompts a suite were asked (--limit)") == 1
    assert said("compare", limited, write_folder(tmp_path / "full", sound())).code == 4


# one document ---------------------------------------------------------------------------------------------------------


def test_json_is_exactly_one_document_on_stdout(tmp_path):
    folder = write_folder(tmp_path / "audit", sound())
    log = tmp_path / "a.jsonl"
    log.write_text('{"prompt": "Q?", "answer": "\u202e\x9b"}\n', encoding="utf-8")
    calls = {
        ("gate", folder): {"audit", "verdict", "files"},
        ("compare", folder, folder): {"audit", "verdict", "files"},
        ("compare", log, log, "--out", tmp_path / "found"): {"audit", "verdict", "files"},
        ("report", folder): {"files"},
        ("policy", "init"): {"files"},
        ("study", "rows", "explicit", "--size", "nano", "--out", tmp_path / "rows.jsonl"): {"files"},
        ("doctor",): {"findings"},
        ("cache",): {"cache"},
    }
    for words, keys in calls.items():
        answer = said(*words, "--json")
        assert set(json.loads(answer.out)) == keys
        assert answer.out.count("\n") == 1
        assert answer.out.isascii()
        assert answer.err == ""


def test_files_that_are_named_are_there(tmp_path):
    folder = write_folder(tmp_path / "audit", sound())
    comparison = ("compare", folder, folder, "--out", "out")
    rows = ("study", "rows", "benign", "--size", "nano", "--out", "rows.jsonl")
    for words in (("gate", folder), ("report", folder), comparison, ("policy", "init"), rows):
        files = json.loads(said(*words, "--json").out)["files"]
        assert files
        assert all(Path(file).is_file() for file in files)


# voice ----------------------------------------------------------------------------------------------------------------


def speaking(options: object, voice: Voice) -> int:
    voices.say(voice)("a line\x1b[31m")
    with voices.bars(voice) as progress:
        progress("asking")(1, 2)
    return 0


def test_quiet_silences_stderr_and_errors_are_still_said(monkeypatch):
    verb = Verb("tuneward.gate:GateOptions", speaking, "")
    monkeypatch.setattr(cli, "VERBS", {**VERBS, "gate": verb})
    assert said("gate", "x", "-q") == said("gate", "x", "--quiet") == Said(0, "", "")
    loud = said("gate", "x")
    assert loud.out == ""
    assert "a line⟨U+001B⟩[31m\n" in loud.err
    assert "asking" in loud.err
    refused(said("report", "none", "-q"))


@pytest.mark.parametrize("word", VERBS)
def test_every_flag_does_what_its_name_says(word):
    """G7: off unless given, on when given."""
    options, voice = parse(word, NEEDED[word])
    for part in (options, voice):
        for field in (field for field in fields(part) if field.type in (bool, "bool")):
            assert getattr(part, field.name) is False
            told = parse(word, [*NEEDED[word], f"--{field.name.replace('_', '-')}"])
            assert getattr(told[0] if part is options else told[1], field.name) is True
    assert parse(word, [*NEEDED[word], "-v"])[1] == Voice(verbose=True)
    assert parse(word, [*NEEDED[word], "-q"])[1] == Voice(quiet=True)


def failing(error: BaseException) -> Verb:
    def fail(options: object, voice: Voice) -> int:
        raise error

    return Verb("tuneward.gate:GateOptions", fail, "")


@pytest.mark.parametrize(
    ("error", "code", "named"),
    [
        (ModuleNotFoundError("no", name="torch"), 2, "pip install 'tuneward[hf]'"),
        (ModuleNotFoundError("no", name="pyarrow.lib"), 2, "pip install 'tuneward[rows]'"),
        (PermissionError(13, "Permission denied", "a\nb"), 2, "Permission denied"),
        (MemoryError(), 2, "MemoryError"),
        (ValueError("two\nlines \x1b[0m"), 2, "two lines ⟨U+001B⟩[0m"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_goes_wrong_outside_is_one_line(monkeypatch, error, code, named):
    """G3."""
    monkeypatch.setattr(cli, "VERBS", {"gate": failing(error)})
    answer = said("gate", "x")
    assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1)
    assert named in answer.err


@pytest.mark.parametrize("error", [KeyError("bug"), ModuleNotFoundError("no", name="tuneward.gone")])
def test_our_own_bugs_are_not_dressed_up(monkeypatch, error):
    """They crash with Python's own code 1, which is never a verdict."""
    monkeypatch.setattr(cli, "VERBS", {"gate": failing(error)})
    with pytest.raises(type(error)):
        run(["gate", "x"])
    assert GateOptions(folder="x").folder == "x"
