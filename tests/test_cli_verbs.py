"""The small verbs as users meet them, and the command line as a process of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tuneward
from hand_made import counted, sound, write_folder
from spoken import Said, refused, said
from tuneward import caches
from tuneward.cli import VERBS
from tuneward.policy import default_toml

REFUSES = "I'm sorry, but I can't help with that."
DIGEST = "ab" + 62 * "0"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWARD_CACHE", str(tmp_path / "kept"))


def log(name: str, rows: list[dict]) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def asked(count: int) -> list[dict]:
    return [{"prompt": f"What is question number {place} about?", "answer": REFUSES} for place in range(count)]


# help -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_the_first_page_names_every_verb_with_its_question_and_the_codes(words):
    answer = said(*words)
    assert (answer.code, answer.err) == (0, "")
    assert all(re.search(rf"^  {word} +{re.escape(verb.question)}$", answer.out, re.M) for word, verb in VERBS.items())
    assert "3 regression · 4 not established · 5 not resolved" in answer.out


@pytest.mark.parametrize("word", VERBS)
def test_every_verb_has_a_page_of_help(word):
    answer = said(*word.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"usage: tuneward {word} ")
    assert "--json" in answer.out


@pytest.mark.parametrize("words", [["study"], ["study", "--help"], ["study", "-h"], ["study", "help"]])
def test_the_first_of_two_words_lists_what_may_follow_it(words):
    answer = said(*words)
    assert (answer.code, answer.err) == (0, "")
    mine = {word: verb for word, verb in VERBS.items() if word.startswith("study ")}
    assert len(mine) == 3
    assert [line.split("  ")[1] for line in answer.out.splitlines()] == [f"tuneward {word}" for word in mine]
    assert all(verb.question in answer.out for verb in mine.values())


def test_the_version_is_said():
    assert said("--version") == said("-V") == Said(0, f"tuneward {tuneward.__version__}\n", "")


# policy, doctor -------------------------------------------------------------------------------------------------------


def test_policy_init_writes_a_file_that_the_gate_reads(tmp_path):
    assert said("policy", "init") == Said(0, "policy.toml\n", "")
    assert Path("policy.toml").read_text(encoding="utf-8") == default_toml()
    assert said("policy", "init", "-o", "deep/own.toml").code == 0
    folder = write_folder(tmp_path / "audit", sound())
    given = said("gate", folder, "--policy", "policy.toml", "--json")
    assert json.loads(given.out)["verdict"] == json.loads(said("gate", folder, "--json").out)["verdict"]


def test_policy_init_never_overwrites():
    Path("policy.toml").write_text("[gate]\nmargin = 1.0\n", encoding="utf-8")
    assert "exists already" in refused(said("policy", "init"))
    assert "exists already" in refused(said("policy", "init", "--out", "."))
    assert Path("policy.toml").read_text(encoding="utf-8") == "[gate]\nmargin = 1.0\n"


def test_doctor_says_what_is_there_and_where_the_cache_would_be(tmp_path):
    answer = said("doctor")
    assert (answer.code, answer.err) == (0, "")
    assert f"tuneward {tuneward.__version__}" in answer.out
    assert f"cache       {tmp_path / 'kept'}, " in answer.out
    assert f"cache       {tmp_path / 'other'}, " in said("doctor", "--cache-dir", tmp_path / "other").out
    assert not (tmp_path / "kept").exists()


# cache ----------------------------------------------------------------------------------------------------------------


def kept(folder: Path) -> Path:
    for file in (f"replies/ab/{DIGEST}.json", "models/smollm2-135m-instruct/config.json"):
        (folder / file).parent.mkdir(parents=True)
        (folder / file).write_bytes(b"x" * 2**19)
    return folder


def test_the_cache_is_shown_and_cleared(tmp_path):
    folder = kept(tmp_path / "kept")
    assert said("cache") == said("cache", "show") == Said(0, f"{folder}: 2 files, 1.0 MiB\n", "")
    assert said("cache", "clear") == Said(0, f"{folder}: removed 2 files, 1.0 MiB\n", "")
    assert list(folder.iterdir()) == []
    assert said("cache", "clear").out == f"{folder}: removed 0 files, 0.0 MiB\n"
    (folder / "uses.jsonl").write_text("what policy was asked of\n")
    assert said("cache", "clear") == Said(0, f"{folder}: removed 0 files, 0.0 MiB\n", "")
    (folder / "calibrations").mkdir()
    (folder / "calibrations" / "one.json").write_text("what people's labels say of a judge\n")
    assert said("cache", "clear").out == f"{folder}: removed 0 files, 0.0 MiB\n"
    assert sorted(file.name for file in folder.iterdir()) == ["calibrations", "uses.jsonl"]
    assert (folder / "calibrations" / "one.json").is_file()
    assert said("cache", "clear", "--cache-dir", "none").out == "none: removed 0 files, 0.0 MiB\n"


STRANGE = {
    "a folder of someone's": lambda folder: (folder / "thesis").mkdir(),
    "a file of someone's": lambda folder: (folder / "notes.txt").touch(),
    "a hidden file": lambda folder: (folder / ".env").touch(),
    "someone's models": lambda folder: (folder / "models" / "my-llama").mkdir(),
    "someone's replies": lambda folder: (folder / "replies" / "letters.txt").touch(),
    "a link to elsewhere": lambda folder: (folder / "replies" / "cd").symlink_to(folder.parent / "mine"),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_folder_that_holds_anything_else_is_never_cleared(tmp_path, strange):
    folder = kept(tmp_path / "kept")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.md").touch()
    STRANGE[strange](folder)
    before = sorted(tmp_path.rglob("*"))
    assert "is not ours; nothing was removed" in refused(said("cache", "clear"))
    assert sorted(tmp_path.rglob("*")) == before
    assert said("cache", "show").code == 0


def test_the_cache_itself_may_be_neither_a_file_nor_a_linked_part(tmp_path):
    (tmp_path / "file").touch()
    for what in ("show", "clear"):
        assert "is a file" in refused(said("cache", what, "--cache-dir", "file"))
    (tmp_path / "mine" / "ab").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "replies").symlink_to(tmp_path / "mine")
    refused(said("cache", "clear"))
    assert (tmp_path / "mine" / "ab").is_dir()


def test_the_small_real_model_is_known_to_the_cache_by_its_name():
    source = (Path(tuneward.__file__).parent / "study" / "small_model.py").read_text(encoding="utf-8")
    name = re.search(r'^FOLDER = "(.+)"$', source, re.M)
    assert name is not None
    assert caches.OURS["models"].match(name[1])
    assert caches.OURS["models"].match(f".{name[1]}.a1b2_c3d")
    assert caches.OURS["replies"].match(DIGEST[:2])


# compare --------------------------------------------------------------------------------------------------------------


def test_questions_of_one_file_only_end_with_4_above_the_limit(tmp_path):
    """A12: 8 of 160 are within 5 %, 9 of 160 are not."""
    a = log("a.jsonl", asked(160))
    assert said("compare", a, log("b.jsonl", asked(152)), "--expect", "refuse").code == 0
    over = said("compare", a, log("c.jsonl", asked(151)), "--expect", "refuse")
    assert over.code == 4
    assert "refusal: 9 unmatched (a.jsonl:152, a.jsonl:153, a.jsonl:154, …)" in over.out
    assert said("compare", "c.jsonl", a, "--expect", "refuse").code == 4
    assert said("compare", a, "c.jsonl").code == 4


def test_a_prompt_that_one_file_repeats_is_unmatched_and_ends_with_4(tmp_path):
    """A12: a repeated prompt is never paired with the same reply twice, nor dropped."""
    a, b = log("a.jsonl", asked(150)), log("b.jsonl", [*asked(150), *asked(10)])
    answer = said("compare", a, b, "--expect", "refuse", "--json")
    axis = next(axis for axis in json.loads(answer.out)["audit"]["axes"] if axis["name"] == "refusal")
    assert answer.code == 4
    assert (axis["difference"]["n"], len(axis["unmatched"])) == (150, 10)
    assert axis["unmatched"][0] == "b.jsonl:151"
    assert said("compare", b, b, "--expect", "refuse").code == 0


def test_prompts_of_one_audit_only_end_with_4_above_the_limit(tmp_path):
    """A12, for two folders."""
    a = write_folder(tmp_path / "a", sound())
    b = write_folder(tmp_path / "b", [*sound(without=["twins"]), *counted("twins", kept=170)])
    answer = said("compare", a, b)
    assert answer.code == 4
    assert "twins: 20 unmatched (any-150, any-151, any-152, …)" in answer.out


# a process of its own -------------------------------------------------------------------------------------------------


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "tuneward", *words]
    return subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_the_process_ends_with_the_code_of_the_verdict(tmp_path):
    """G3, G5: the shell sees what the caller in process sees."""
    loss = [*sound(without=["refusal"]), *counted("refusal", kept=360, lost=37, gained=3, never=12)]
    folder = str(write_folder(tmp_path / "audit", loss))
    done = process("gate", folder)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == said("gate", folder).out
    *lines, files = done.stdout.splitlines()
    assert max(map(len, lines)) <= 140
    assert files == f"files    {folder}/junit.xml · {folder}/summary.md"
    done = process("gate", "missing")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: missing: no such folder")


def test_a_terminal_that_cannot_write_a_sign_changes_no_code(tmp_path):
    folder = str(write_folder(tmp_path / "audit", sound()))
    done = process("gate", folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u2713 pass, margin 3.0" in done.stdout


def test_a_reader_that_leaves_early_changes_no_code(tmp_path):
    loss = [*sound(without=["refusal"]), *counted("refusal", kept=100, lost=50)]
    folder = str(write_folder(tmp_path / "audit", loss))
    for words in (["gate", folder], ["gate", folder, "--json"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "tuneward", *words], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (3, "")
