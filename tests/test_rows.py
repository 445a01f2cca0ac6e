"""Rows: every format is read into chats and written back as it was; what is wrong is said with file and line."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.chat import Chat, Message
from tuneward.rows import Format, detect, format_of, parse_columns, read_rows, write_rows
from tuneward.rows.columns import Columns
from tuneward.rows.turns import SPEAKERS

DATA = Path(__file__).parents[2] / "shared/data"
QUICK = settings(deadline=None, max_examples=40, database=None)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FULL = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
EXTRAS = st.dictionaries(TEXT.map(lambda name: f"x_{name}"), JSON, max_size=2)


def shuffled(kind: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The same keys in any order, with foreign keys among them."""
    merged = st.builds(lambda extras, row: {**extras, **row}, EXTRAS, kind)
    return merged.flatmap(lambda row: st.permutations(list(row.items())).map(dict))


def fixed(optional: dict[str, Any] | None = None, **columns: Any) -> st.SearchStrategy[dict[str, Any]]:
    return shuffled(st.fixed_dictionaries(columns, optional=optional or {}))


PARTS = st.lists(fixed(type=st.just("text"), text=TEXT), max_size=3)
ROLE = st.sampled_from(sorted(SPEAKERS)) | st.just("Human")
CALLS = st.just([{"id": "c1", "function": {"name": "add", "arguments": '{"a": 1}'}}])
TURN = st.one_of(
    fixed(role=ROLE, content=TEXT | PARTS, optional={"weight": st.sampled_from([0, 1]), "name": TEXT}),
    fixed(role=st.just("assistant"), content=st.none(), tool_calls=CALLS),
    fixed(role=st.just("assistant"), tool_calls=CALLS),
)
TURNS = st.lists(TURN, min_size=1, max_size=4)
SAID = st.lists(fixed(**{"from": ROLE, "value": TEXT}), min_size=1, max_size=4)
REPLY = fixed(role=st.just("assistant"), content=TEXT).map(lambda turn: [turn])
PAIR = fixed(prompt=TEXT, completion=TEXT) | fixed(prompt=TURNS, completion=TURNS)
INSTANCE = fixed(input=TEXT | st.none(), output=TEXT) | fixed(output=TEXT)
HISTORY = st.none() | st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=2)
ROWS = {
    "openai-chat": fixed(messages=TURNS, optional={"tools": JSON, "weight": JSON, "text": TEXT}),
    "sharegpt": fixed(conversations=SAID | TURNS, optional={"system": TEXT | st.none(), "tools": TEXT}),
    "prompt-completion": PAIR,
    "unpaired": PAIR.flatmap(lambda row: st.sampled_from([True, False]).map(lambda label: {"label": label, **row})),
    "preference": fixed(chosen=TEXT, rejected=TEXT, optional={"prompt": TEXT | st.none()})
    | fixed(chosen=TURNS, rejected=TURNS, optional={"prompt": TURNS | st.none()})
    | fixed(prompt=TEXT, chosen=SAID.map(lambda said: [{"role": "user", "content": "?"}, *said]), rejected=SAID),
    "alpaca": fixed(
        instruction=TEXT,
        output=TEXT,
        optional={"input": TEXT | st.none(), "system": TEXT | st.none(), "history": HISTORY, "text": TEXT},
    ),
    "dolly": fixed(instruction=TEXT, response=TEXT, optional={"context": TEXT | st.none(), "category": TEXT}),
    "self-instruct": fixed(
        instruction=TEXT, instances=st.lists(INSTANCE, min_size=1, max_size=3), optional={"id": TEXT}
    ),
    "text": fixed(text=TEXT, optional={"label": JSON}),
}
FORMATS = pytest.mark.parametrize("name", sorted(ROWS))


def exact(value: object) -> str:
    """A form in which the order of keys and 1 against 1.0 or true count."""
    return json.dumps(value)


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_every_format_of_the_union_is_tested() -> None:
    assert {kind.name for kind in get_args(Format)} == {*ROWS, Columns.name}


@FORMATS
@QUICK
@given(data=st.data())
def test_a_row_parsed_and_rendered_is_the_row(name: str, data: st.DataObject) -> None:
    """S4."""
    row = data.draw(ROWS[name])
    kind = detect(row)
    chat = kind.parse(row, "some/rows.jsonl:7")
    assert kind.name == chat.meta["format"] == name
    assert exact(kind.render(chat)) == exact(row)
    assert (chat.id, chat.family, chat.meta["line"]) == ("rows.jsonl:7", "rows.jsonl:7", 7)
    assert all(exact(chat.meta["row"][column]) == exact(row[column]) for column in chat.meta["row"])


@FORMATS
@QUICK
@given(data=st.data(), more=FULL, ahead=st.booleans())
def test_an_edited_text_is_written_where_it_stood(name: str, data: st.DataObject, more: str, ahead: bool) -> None:
    row = data.draw(ROWS[name])
    kind = detect(row)
    chat = kind.parse(row, "a:1")
    edited = replace(
        chat, messages=tuple(Message(m.role, more + m.content if ahead else m.content + more) for m in chat.messages)
    )
    if name == "self-instruct" and len(row["instances"]) > 1:
        edited = replace(
            edited,
            messages=tuple(
                old if old.role == "user" else new for old, new in zip(chat.messages, edited.messages, strict=True)
            ),
        )
    again = kind.parse(kind.render(edited), "a:1")
    assert again.messages == edited.messages
    assert set(kind.render(edited)) >= set(row)


@FORMATS
@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
@settings(QUICK, max_examples=12)
@given(data=st.data())
def test_a_json_file_read_and_written_holds_the_same_rows(
    name: str, suffix: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """S4: order of rows and of columns included."""
    rows = data.draw(st.lists(ROWS[name], min_size=1, max_size=3))
    folder = tmp_path_factory.mktemp("rows")
    old, new = folder / f"old{suffix}", folder / f"new{suffix}"
    text = json.dumps(rows, indent=2) if suffix == ".json" else "\n\n".join(map(json.dumps, rows))
    old.write_text("\ufeff" + text, encoding="utf-8")
    write_rows(new, read_rows(old))
    written = new.read_text(encoding="utf-8")
    parsed = json.loads(written) if suffix == ".json" else [json.loads(line) for line in written.split("\n") if line]
    assert exact(parsed) == exact(rows)


def test_formats_become_the_turns_a_reader_expects() -> None:
    cases: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"instruction": "Add.", "input": "1 2", "output": "3", "history": [["a", "b"]], "system": "Be brief."},
         [("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "Add.\n\n1 2"), ("assistant", "3")]),
        ({"instruction": "Name it.", "context": "", "response": "Fox", "category": "qa"},
         [("user", "Name it."), ("assistant", "Fox")]),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}], "system": "S"},
         [("system", "S"), ("user", "Hi"), ("assistant", "Ho")]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
         [("user", "ab")]),
        ({"prompt": "p", "completion": "c", "label": True}, [("user", "p"), ("assistant", "c")]),
        ({"prompt": "p", "chosen": "c", "rejected": "r"}, [("user", "p"), ("assistant", "c")]),
        ({"instruction": "Do", "instances": [{"input": "1", "output": "2"}, {"input": "", "output": "4"}]},
         [("user", "Do\n\n1"), ("assistant", "2"), ("user", "Do"), ("assistant", "4")]),
        ({"text": "All of it."}, [("assistant", "All of it.")]),
    ]  # fmt: skip
    for row, turns in cases:
        assert [(m.role, m.content) for m in detect(row).parse(row, "a:1").messages] == turns
    assert detect(cases[1][0]).parse(cases[1][0], "a:1").meta["category"] == "qa"
    assert detect(cases[5][0]).parse(cases[5][0], "a:1").meta["rejected"] == "r"


def test_a_copied_text_column_leaves_the_row_to_its_format() -> None:
    """The public Alpaca file has a rendered `text` beside its columns."""
    assert detect({"instruction": "i", "input": "", "output": "o", "text": "i o"}).name == "alpaca"


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": "a"},
        {"prompt": "p"},
        {"instruction": "i", "chosen": "c", "rejected": "r"},
        {"messages": [], "chosen": [], "rejected": []},
        {"instruction": "i", "output": "o", "response": "r"},
        {},
    ],
)
def test_an_unknown_or_ambiguous_row_is_refused_with_its_keys(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=rf"rows\.jsonl:1: expected one of \[.*\], found keys {', '.join(row) or 'none'}"
    ):
        list(read_rows(lines(tmp_path / "rows.jsonl", row)))


BAD = {
    b'{"text": "a"}\n\n{"text": "b"\n': r"3: not JSON \(.*column 1\d\); expected an object",
    b'\n\n{"text": "\xff"}\n': r"3: not UTF-8 at byte 11; expected",
    b'{"text": "\\ud800"}\n': r"1: .*lone surrogate.*; expected",
    b'{"text": "a", "n": NaN}\n': r"1: NaN is not JSON; expected",
    b'{"text": "a", "n": -Infinity}\n': r"1: -Infinity is not JSON; expected",
    b'{"text": "a", "n": 1e999}\n': r"1: a number too large.*; expected",
    b'{"text": "a", "m": {"k": 1, "k": 2}}\n': r'1: the key "k" is there twice; expected',
    b'{"text": "a"}\n["text"]\n': r"2: a list; expected an object",
    b'{"text": "a"} {"text": "b"}\n': r"1: more after the object.*; expected one object a line",
    b'{"text": "a"}\n{"prompt": "p", "completion": "c"}\n': r"2: expected text, as in the first row; found keys prompt",
    b'{"text": 3}\n': r'1: "text" is a number; expected text',
    b'{"messages": []}\n': r'1: "messages" is an empty list; expected a list of messages',
    b'{"messages": [{"role": "narrator", "content": "x"}]}\n': r"1: messages\[0\]: unknown speaker.*; expected one of",
    b'{"messages": [{"role": "user", "content": null}]}\n': r"1: messages\[0\]: .*missing or null; expected text",
    b'{"messages": [{"role": "user", "content": [{"type": "image"}]}]}\n': r"1: messages\[0\].content\[0\] is not text",
    b'{"prompt": "p", "completion": [{"role": "user", "content": "c"}]}\n': r"1: .*; expected text twice or lists",
    b'{"chosen": "c", "rejected": []}\n': r"1: .*; expected the same kind",
    b'{"instruction": "i", "output": null}\n': r'1: "output" is missing or null; expected text',
    b'{"instruction": "i", "output": "o", "history": [["q"]]}\n': r'1: "history".*; expected \[\[question',
    b'{"instruction": "i", "instances": []}\n': r'1: "instances".*; expected a list of input and output',
    b"[" * 100_000: r"1: nested too deeply; expected",
    b'{"text": "a", "n": ' + b"9" * 5000 + b"}": r"1: .*",
}


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named_with_file_and_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=rf"{tmp_path}/rows\.jsonl:{BAD[content]}") as caught:
        list(read_rows(tmp_path / "rows.jsonl"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_column_map_names_turns_ids_families_and_expectations(tmp_path: Path) -> None:
    row = {"n": 7, "q": "Who?", "a": "Me", "s": "", "kind": "k", "topic": "t", "want": "answer", "more": [1]}
    columns = parse_columns("prompt=q, answer=a,system=s,id=n,family=kind,category=topic,expect=want")
    path = lines(tmp_path / "own.jsonl", row)
    (chat,) = read_rows(path, columns=columns)
    assert (chat.id, chat.family, chat.prompt, chat.answer) == ("7", "k", "Who?", "Me")
    assert len(chat.messages) == 2, "an empty system prompt is no turn"
    assert (chat.meta["category"], chat.meta["expect"], chat.meta["line"]) == ("t", "answer", 1)
    write_rows(tmp_path / "again.jsonl", [chat])
    assert exact(json.loads((tmp_path / "again.jsonl").read_text())) == exact(row)
    assert [m.role for m in next(read_rows(path, columns={"prompt": "q"})).messages] == ["user"]
    with pytest.raises(ValueError, match=r"own.jsonl:1: no column question \(prompt=question\); found keys n, q"):
        list(read_rows(path, columns={"prompt": "question"}))
    with pytest.raises(ValueError, match=r'own.jsonl:1: "more" is a list; expected a name'):
        list(read_rows(path, columns={"prompt": "q", "id": "more"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "question=q,prompt=p",
            "unknown key question; expected one of prompt, answer, system, id, family, category, expect",
        ),
        ("answer=a", "no prompt; expected at least prompt=COLUMN"),
        ("prompt", "'prompt' is not KEY=COLUMN"),
        ("prompt=a,prompt=b", "repeats a key"),
        ("prompt=", "prompt= names no column"),
        ("prompt=a,answer=a", "one column for two turns"),
    ],
)
def test_a_wrong_column_map_says_which_key_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_columns(text)


def test_weights_and_tool_calls_never_move_to_another_turn(tmp_path: Path) -> None:
    """S4."""
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}
    (chat,) = read_rows(lines(tmp_path / "a.jsonl", row))
    assert chat.meta["turns"][1]["weight"] == 0
    longer = replace(chat, messages=(Message("system", "s"), *chat.messages))
    with pytest.raises(ValueError, match=r"b.jsonl: not written: a.jsonl:1: its turns are not those .* carry weight"):
        write_rows(tmp_path / "b.jsonl", [longer])
    plain = detect(row).parse({"messages": row["messages"][:1]}, "a:1").answered("c")
    assert format_of(plain).render(plain) == {"messages": [row["messages"][0], {"role": "assistant", "content": "c"}]}


def test_instances_that_no_longer_share_an_instruction_are_refused() -> None:
    row = {"instruction": "Do", "instances": [{"input": "1", "output": "2"}, {"input": "3", "output": "4"}]}
    chat = detect(row).parse(row, "a:1")
    with pytest.raises(ValueError, match="no longer share one instruction"):
        format_of(chat).render(replace(chat, messages=(Message("user", "Other\n\n1"), *chat.messages[1:])))
    with pytest.raises(ValueError, match="3 turns do not fit 2 instances"):
        format_of(chat).render(replace(chat, messages=chat.messages[:3]))


def test_rows_of_two_formats_or_two_maps_are_not_mixed(tmp_path: Path) -> None:
    alpaca, dolly = {"instruction": "i", "output": "o"}, {"instruction": "i", "response": "o"}
    with pytest.raises(ValueError, match="a:2: a row of dolly among rows of alpaca; write one file for each"):
        write_rows(tmp_path / "a.jsonl", [detect(alpaca).parse(alpaca, "a:1"), detect(dolly).parse(dolly, "a:2")])
    one, two = Columns(prompt="instruction"), Columns(prompt="response")
    with pytest.raises(ValueError, match="a:2: a row of columns among rows of columns"):
        write_rows(tmp_path / "a.jsonl", [one.parse(dolly, "a:1"), two.parse(dolly, "a:2")])


def test_chats_that_never_were_rows_take_the_format_of_the_first(tmp_path: Path) -> None:
    new = Chat("n", "n", (Message("user", "q"), Message("assistant", "a")))
    for row in ({"instruction": "i", "input": "x", "output": "o"}, {"conversations": [{"from": "gpt", "value": "v"}]}):
        first = detect(row).parse(row, "a:1")
        write_rows(tmp_path / "mixed.jsonl", [first, new])
        assert [chat.messages for chat in read_rows(tmp_path / "mixed.jsonl")] == [first.messages, new.messages]
    write_rows(tmp_path / "new.jsonl", [new])
    assert next(read_rows(tmp_path / "new.jsonl")).meta["format"] == "openai-chat"


PUBLIC = [
    ("dolly_2000.json", None, "alpaca", 2000),
    ("dolly_2000.json", "prompt=instruction,answer=output", "columns", 2000),
    ("gsm8k_train.jsonl", "prompt=question,answer=answer", "columns", 7473),
    ("seed_tasks.jsonl", None, "self-instruct", 175),
]


def parsed(path: Path) -> Iterator[object]:
    text = path.read_text(encoding="utf-8")
    return iter(json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.split("\n") if line])


@pytest.mark.parametrize(("name", "columns", "kind", "count"), PUBLIC)
def test_public_files_come_back_as_they_were(
    name: str, columns: str | None, kind: str, count: int, tmp_path: Path
) -> None:
    """S4."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project; put it in ../shared/data")
    chats = list(read_rows(path, columns=parse_columns(columns) if columns else None))
    assert len(chats) == len({chat.id for chat in chats}) == count
    assert all(chat.meta["format"] == kind and chat.prompt and chat.answer for chat in chats)
    write_rows(tmp_path / name, chats)
    assert exact(list(parsed(tmp_path / name))) == exact(list(parsed(path)))
