"""Which turns the loss sees, for each trainer: ecosystem S4, one line of its table after the other."""

from pathlib import Path
from typing import Any

import pytest

from tuneward.screen.mask_files import mask_of
from tuneward.screen.masks import MASKS, Turns, named, trained
from tuneward.screen.parsing import Reader, Row

USER, ANSWER = {"role": "user", "content": "Which fruit?"}, {"role": "assistant", "content": "A plum."}
SYSTEM = {"role": "system", "content": "Talk about fruit."}
MULTI = [SYSTEM, USER, ANSWER, USER, ANSWER]
TOOLS = [
    USER,
    {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "weigh"}}]},
    {"role": "tool", "content": "12", "tool_call_id": "a"},
    ANSWER,
]
LISTS = {"prompt": [SYSTEM, USER], "completion": [ANSWER]}
TEXTS = {"prompt": "Which fruit?", "completion": "A plum."}
PAIR = {"prompt": "Which fruit?", "chosen": "A plum.", "rejected": "A pear."}


def read(mask: str, value: dict[str, Any]) -> Row:
    return Reader(mask).value(value)


def seen(mask: str, value: dict[str, Any]) -> str:
    """x trained, - masked, ? could not tell."""
    return "".join({True: "x", False: "-", None: "?"}[now] for now in read(mask, value).trained)


def chat(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(turns), **more}


def test_trl_trains_the_completion_only_where_there_is_one() -> None:
    """S4, TRL 1.16 SFTTrainer: prompt and completion → completion only."""
    assert (seen("trl", LISTS), seen("trl", TEXTS)) == ("--x", "-x")


def test_trl_trains_every_turn_of_messages_and_text() -> None:
    """S4, TRL 1.16 SFTTrainer: messages and text → the whole sequence, user turns included; weights are ignored."""
    assert seen("trl", chat(*MULTI)) == "xxxxx"
    assert seen("trl", {"text": "Which fruit? A plum."}) == "x"
    assert seen("trl", {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}) == "xx"
    assert seen("trl", chat(USER, {**ANSWER, "weight": 0})) == "xx"


def test_trl_with_assistant_only_loss_trains_assistant_turns() -> None:
    """S4, TRL 1.16 assistant_only_loss; rows that are not conversations are refused there, so it cannot be told."""
    assert seen("trl-assistant", chat(*MULTI)) == "--x-x"
    assert seen("trl-assistant", {"prompt": [*MULTI[1:3], USER], "completion": [ANSWER]}) == "---x"
    assert seen("trl-assistant", {"text": "A plum."}) == "?"


def test_a_row_without_an_assistant_turn_is_told_of() -> None:
    """S4: TRL raises when a row has no assistant token."""
    assert [p.label for p in read("trl-assistant", chat(SYSTEM, USER)).problems] == ["last turn"]


def test_axolotl_trains_the_roles_it_is_told_to() -> None:
    """S4, Axolotl: roles_to_train, train_on_inputs."""
    assert seen("axolotl", chat(*MULTI)) == "--x-x"
    assert seen("axolotl:assistant,user", chat(*MULTI)) == "-xxxx"
    assert seen("axolotl:all", chat(*MULTI)) == "xxxxx"
    assert seen("axolotl", chat(*TOOLS)) == "-x-x"


def test_axolotl_lets_a_message_decide() -> None:
    """S4, Axolotl: per turn message_field_training."""
    turns = [USER, {**ANSWER, "training": False}, {**USER, "train": True}, ANSWER]
    assert seen("axolotl", chat(*turns)) == "--xx"
    assert seen("axolotl@train", chat(*turns)) == "-xxx"
    assert seen("axolotl@none", chat(*turns)) == "-x-x"
    assert seen("axolotl@keep", chat({**USER, "keep": True}, ANSWER)) == "xx"


def test_axolotl_spans_count_for_their_turn() -> None:
    """S4, Axolotl: per span message_field_training_detail; a turn is trained if any part is, and it is noted."""
    spans = [{"begin_offset": 0, "end_offset": 2, "train": False}, {"begin_offset": 3, "end_offset": 6, "train": True}]
    part = read("axolotl", chat(USER, {**ANSWER, "training_detail": spans}))
    assert (part.trained, [p.label for p in part.problems]) == ((False, True), ["partly trained"])
    none = read("axolotl", chat(USER, {**ANSWER, "train_detail": spans[:1]}, USER, ANSWER))
    assert (none.trained, none.problems) == ((False, False, False, True), ())


def test_llama_factory_trains_answers() -> None:
    """S4, LLaMA-Factory: train_on_prompt false and true, mask_history false and true."""
    assert seen("llama-factory", chat(*MULTI)) == "--x-x"
    assert seen("llama-factory-all", chat(*MULTI)) == "xxxxx"
    assert seen("llama-factory-last", chat(*MULTI)) == "----x"
    history = {"instruction": "q", "output": "a", "history": [["p", "b"]]}
    assert (seen("llama-factory", history), seen("llama-factory-last", history)) == ("-x-x", "---x")


def test_openai_trains_assistant_messages_but_those_of_weight_nought() -> None:
    """S4, OpenAI chat: weight 0 or 1 on an assistant message."""
    row = read("openai", chat(USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}))
    assert (row.trained, row.weights) == ((False, False, False, True), (None, 0.0, None, 1.0))
    assert row.problems == ()
    assert seen("openai", chat(*MULTI)) == "--x-x"


def test_together_trains_every_unweighted_turn_once_there_is_a_weight() -> None:
    """S4, Together: any weight turns train-on-inputs true."""
    assert seen("together", chat(*MULTI)) == "--x-x"
    assert seen("together", chat(USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1})) == "x-xx"
    assert seen("together", chat(SYSTEM, {**USER, "weight": 0}, ANSWER)) == "x-x"


def test_fireworks_weighs_the_row() -> None:
    """S4, Fireworks: row-level weight, any float; 0 drops the row, a negative one reverses the signal."""
    assert read("fireworks", chat(USER, ANSWER, weight=2.5)).weights == (None, 2.5)
    assert read("fireworks", chat(USER, ANSWER, weight=2.5)).problems == ()
    dropped = read("fireworks", chat(USER, ANSWER, weight=0))
    assert (dropped.trained, [p.label for p in dropped.problems]) == ((False, False), ["empty mask"])
    against = read("fireworks", chat(USER, ANSWER, weight=-1.0))
    assert (against.trained, against.weights) == ((False, True), (None, -1.0))
    assert [(p.label, p.severity) for p in against.problems] == [("mask value", "high")]


def test_without_a_known_trainer_everything_counts_as_trained_and_that_is_said() -> None:
    """S4, rules: mask unknown."""
    assert seen("unknown", chat(*MULTI)) == "xxxxx"
    assert seen("unknown", LISTS) == "xxx"
    assert "not known" in MASKS["unknown"].about


def test_all_and_assistant_are_what_they_say() -> None:
    assert (seen("all", LISTS), seen("assistant", chat(*TOOLS))) == ("xxx", "-x-x")
    assert seen("assistant", chat(USER, {"role": "asistant", "content": "A plum."})) == "-?"


@pytest.mark.parametrize("mask", [name for name in MASKS if name not in ("all", "unknown")])
def test_pairs_train_both_answers_and_never_the_prompt(mask: str) -> None:
    assert seen(mask, PAIR) == "-xx"
    row = read(mask, {"chosen": [USER, ANSWER], "rejected": [USER, {**ANSWER, "content": "A pear."}]})
    assert (row.roles, row.trained, row.rejected) == (("user", "assistant", "assistant"), (False, True, True), 2)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("weight", [-1, 0.5, 2, "1", [1]])
def test_odd_weights_are_told_of_whoever_trains(mask: str, weight: object) -> None:
    labels = [p.label for p in read(mask, chat(USER, {**ANSWER, "weight": weight})).problems]
    assert labels == ["mask value"]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("mark", [{"weight": 0}, {"training": False}, {"train": False}])
def test_a_row_whose_own_marks_leave_nothing_is_told_of_whoever_trains(mask: str, mark: dict[str, Any]) -> None:
    assert [p.label for p in read(mask, chat(USER, {**ANSWER, **mark})).problems] == ["empty mask"]


@pytest.mark.parametrize("mask", MASKS)
def test_every_mask_gives_one_answer_a_turn(mask: str) -> None:
    for value in (chat(*MULTI), chat(*TOOLS), LISTS, TEXTS, PAIR, {"text": "t"}, {"instruction": "i", "output": "o"}):
        row = read(mask, value)
        assert len(row.trained) == len(row.roles) == len(row.texts) > 0
        assert row.weights == ()


def test_long_chats_are_masked_as_short_ones_are() -> None:
    roles = ("user", "assistant") * 400
    assert trained(named("openai"), Turns("openai-chat", roles))[0] == (False, True) * 400


@pytest.mark.parametrize("name", ["", "trl2", "openai:user", "axolotl:", "axolotl@", "trl@train"])
def test_an_unknown_mask_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"--mask .*: unknown; there are trl"):
        Reader(name)


AXOLOTL = "base_model: some/model\ndatasets:\n  - path: fruit.jsonl\n    type: chat_template\n"
CONFIGS = {
    "axolotl": (AXOLOTL, "axolotl:assistant@none"),
    "axolotl inline roles": (AXOLOTL + '    roles_to_train: ["assistant", "user"]\n', "axolotl:assistant,user@none"),
    "axolotl block roles": (
        AXOLOTL + "    roles_to_train:\n      - gpt # own\n      - human\n",
        "axolotl:assistant,user@none",
    ),
    "axolotl inputs": (AXOLOTL + "train_on_inputs: true\n", "axolotl:all@none"),
    "axolotl field": (AXOLOTL + "    message_field_training: keep\n", "axolotl:assistant@keep"),
    "axolotl spans": (
        AXOLOTL + "    message_field_training: keep\n    message_field_training_detail: spans\n",
        "axolotl:assistant@keep+spans",
    ),
    "llama-factory": ("model_name_or_path: m\nfinetuning_type: lora\n", "llama-factory"),
    "llama-factory last": ("template: qwen\nmask_history: true\n", "llama-factory-last"),
    "llama-factory all": ("template: qwen\ntrain_on_prompt: True # all\n", "llama-factory-all"),
    "trl": ("model_name_or_path: m\ndataset_name: d\n", "trl"),
    "trl assistant": ("dataset_name: d\nassistant_only_loss: true\n", "trl-assistant"),
    "trl all": ("dataset_name: d\ncompletion_only_loss: false\n", "all"),
}
REFUSED = {
    "neither": "lr: 1\n",
    "two trainers": "base_model: m\nassistant_only_loss: true\n",
    "flow": "base_model: m\ndatasets: [{path: p, roles_to_train: [user]}]\n",
    "flow over lines": "base_model: m\ndatasets:\n  [{path: p,\n    roles_to_train: [user]}]\n",
    "anchor": "base_model: m\nroles_to_train: *roles\n",
    "merged": "base_model: m\n<<: *other\n",
    "two values": AXOLOTL + "    roles_to_train: [user]\n  - path: b\n    roles_to_train: [assistant]\n",
    "one of two": AXOLOTL + "    roles_to_train: [user]\n  - path: b\n",
    "nobody": AXOLOTL + "    roles_to_train: []\n",
    "no truth": "template: qwen\nmask_history: maybe\n",
    "both": "template: qwen\nmask_history: true\ntrain_on_prompt: true\n",
    "json": '{"base_model": "m", "roles_to_train": ["user"]}',
}


@pytest.mark.parametrize(("text", "mask"), CONFIGS.values(), ids=CONFIGS)
def test_a_trainers_file_sets_the_mask(tmp_path: Path, text: str, mask: str) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(text, encoding="utf-8")
    assert mask_of(path) == mask
    assert Reader(mask).mask == mask


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_not_clear_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"train\.yaml.*--mask NAME") as raised:
        mask_of(path)
    assert "\n" not in str(raised.value)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mask_of(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not UTF-8"):
        mask_of(tmp_path / "bytes.yaml")
