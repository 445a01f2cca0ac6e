"""Logs of other tools that do not fit: pairs that are missing, other questions, broken lines and documents."""

import json
import shutil
from pathlib import Path

import pytest

from foreign_logs import (
    LM,
    NUMBER,
    axis_of,
    compared,
    counts,
    garak_log,
    inspect_log,
    promptfoo_log,
    write,
    write_lines,
)
from tuneward.compare.formats import look, read

# pairs ----------------------------------------------------------------------------------------------------------------


def test_samples_of_one_log_only_are_listed_and_block(tmp_path):
    """A12."""
    a = inspect_log(tmp_path / "a.json", {str(n): "C" for n in range(40)})
    b = inspect_log(tmp_path / "b.json", {str(n): "C" for n in range(36)})
    found = compared(a, b, good="high")
    assert (found.exit_code, axis_of(found.audit, "own").unmatched) == (4, ("36", "37", "38", "39"))


@pytest.mark.parametrize("other", [[], [{"entry_type": "init"}]])
def test_nothing_compared_ends_with_4(tmp_path, other):
    """G6."""
    a = garak_log(tmp_path / "a.jsonl", [])
    b = write_lines(tmp_path / "b.jsonl", [{"entry_type": "init"}, *other])
    assert compared(a, b).exit_code == 4
    assert compared(garak_log(tmp_path / "c.jsonl", [{"x": [0.0]}]), b).exit_code == 4
    empty = inspect_log(tmp_path / "d.json", {})
    assert compared(empty, empty, score="x", good="high").exit_code == 4


def lm_lines(tmp_path: Path, name: str, **changed: object) -> Path:
    rows = [json.loads(line) for line in next((LM / "base").glob("*.jsonl")).read_text(encoding="utf-8").splitlines()]
    rows = [row | {key: value for key, value in changed.items() if row["doc_id"] == 3} for row in rows]
    return write_lines(tmp_path / f"{name}.jsonl", rows)


def test_another_template_is_noted_and_another_question_is_refused(tmp_path):
    a = lm_lines(tmp_path, "a")
    asked = {"gen_args_0": {"arg_0": "<user> How much? <assistant>", "arg_1": {}}}
    found = compared(a, lm_lines(tmp_path, "b", arguments=asked, prompt_hash="other"), score=NUMBER, good="high")
    assert found.audit.parity["template"] == "differs: 1 of 20 prompts were rendered in another way"
    assert counts(found)[0] == 20
    with pytest.raises(ValueError, match=r"c\.jsonl:4: another prompt than .*a\.jsonl:4 under id '3'"):
        compared(a, lm_lines(tmp_path, "c", doc_hash="0" * 64), score=NUMBER, good="high")


def test_several_runs_in_one_folder_are_not_mixed(tmp_path):
    for arm in ("base", "tuned"):
        for file in (LM / arm).iterdir():
            shutil.copy(file, tmp_path / file.name)
    with pytest.raises(ValueError, match=r"holds several runs \(2026-11-22T06-34-17\.749648, .*\); name the results"):
        compared(tmp_path, tmp_path, score=NUMBER)
    files = [next(tmp_path.glob(f"results_*{end}.json")) for end in ("749648", "965697")]
    assert counts(compared(*files, score=NUMBER)) == (20, 8, 0)


BROKEN = {
    "a line cut short": ('{"entry_type": "attempt", "uuid"', r"x:2: not JSON"),
    "no probe": ('{"entry_type": "attempt", "uuid": "u", "status": 2}', r"x:2: probe_classname is missing or null"),
    "outputs that are none": (
        '{"entry_type": "attempt", "uuid": "u", "status": 2, "seq": 0, "probe_classname": "p", "outputs": 3}',
        r"x:2: outputs is a number; expected a list",
    ),
    "another kind of line": ('{"prompt": "Q?"}', r"x:2: entry_type is missing or null; expected text"),
    "a lone surrogate": ('{"entry_type": "\\ud800"}', r"x:2: JSON cannot hold it"),
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_named(tmp_path, line):
    """G3."""
    text, message = BROKEN[line]
    path = tmp_path / "x"
    path.write_text('{"entry_type": "init"}\n' + text + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        compared(path, path)


DOCUMENTS = {
    '{\n "version": 2,\n "eval": {': r"x: not JSON \(.*line 3",
    '{\n "some": "object"\n}': r"x: an object with some; expected JSONL, or a document of Inspect",
    '{"version": 1, "status": "success", "eval": {}, "samples": []}': r"x: written as version 1; this version reads 2",
    '{"version": 2, "status": "success", "eval": {}}': r"x: has no samples",
    '{"version": 2, "status": "success", "eval": {}, "samples": [{"id": 1}]}': r"x:1: input is no prompt",
    '{"version": 2, "status": "success", "eval": {}, "samples": [3]}': r"x:1: a number; expected an object",
    '{"results": {"version": 4, "results": []}}': r"x: promptfoo results of version 4; this version reads 3",
    '{"results": {"version": 3, "results": [{"testIdx": 1}]}}': r"x:1: prompt is missing or null; expected an object",
    '{"results": {}, "higher_is_better": {}}': r"x: lm-eval results without samples; run lm-eval again with --log_",
    "PK\x03\x04 and no more": r"x: a broken zip",
}


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_document_that_cannot_be_read_is_named(tmp_path, text):
    """G3."""
    path = tmp_path / "x"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=DOCUMENTS[text]):
        compared(path, path)


def test_several_providers_in_one_file_are_not_one_model(tmp_path):
    path = promptfoo_log(tmp_path / "a.json", [True, True])
    document = json.loads(path.read_text(encoding="utf-8"))
    document["results"]["results"][0]["provider"]["id"] = "other"
    with pytest.raises(ValueError, match=r"holds several providers \(echo, other\); run each with --filter-providers"):
        compared(write(path, document), path)


def test_old_garak_prompts_pair_with_themselves(tmp_path):
    """Before conversations a prompt was text, then a message."""
    row = {"entry_type": "attempt", "uuid": "u", "seq": 0, "status": 2, "probe_classname": "p", "outputs": ["A."]}
    for prompt in ("Q?", {"text": "Q?", "lang": "en"}):
        (entry,) = read(look(write_lines(tmp_path / "a.jsonl", [row | {"prompt": prompt}])), None).entries
        assert (entry.chat.prompt, entry.chat.answer, entry.id.startswith("p/0/")) == ("Q?", "A.", True)
