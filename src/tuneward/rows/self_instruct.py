"""Self-Instruct seed tasks (Wang et al. 2023, arXiv:2212.10560)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.instruction import join, part
from tuneward.rows.turns import Row, kind_of, text_in, to_chat, to_row


@dataclass(frozen=True)
class SelfInstruct:
    """`{"instruction", "instances": [{"input", "output"}, …]}`.

    Every instance is a question, which is the instruction, a blank line and the input, and its answer, so that no text
    of the row stays unseen.
    """

    name: ClassVar[str] = "self-instruct"
    wants: ClassVar[str] = "instruction + instances"

    def matches(self, row: Row) -> bool:
        """Whether `instruction` and `instances` are there."""
        return "instruction" in row and "instances" in row

    def parse(self, row: Row, where: str) -> Chat:
        """Two turns an instance. Raises ValueError naming `where` and the instance."""
        if not isinstance(row["instances"], list) or not row["instances"]:
            raise ValueError(
                f'{where}: "instances" is {kind_of(row["instances"])}; expected a list of input and output'
            )
        messages: list[Message] = []
        shells: list[Row] = []
        for place, item in enumerate(row["instances"]):
            here = f"{where}: instances[{place}]"
            if not isinstance(item, dict):
                raise ValueError(f"{here} is {kind_of(item)}; expected input and output")
            question, cuts = join({**item, "instruction": row["instruction"]}, ("instruction", "input"), here)
            messages += [Message("user", question), Message("assistant", text_in(item, "output", here))]
            shell = {key: value for key, value in item.items() if key not in ("output", *dict(cuts))}
            shells.append({"keys": list(item), "rest": shell, "cuts": cuts})
        used = ("instruction", "instances")
        return to_chat(where, messages, row=row, used=used, meta={"format": self.name, "instances": shells})

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when its questions no longer share one instruction."""
        asked, said = chat.messages[::2], chat.messages[1::2]
        shells = chat.meta.get("instances", [_blank() for _ in asked])
        if not len(asked) == len(said) == len(shells):
            raise ValueError(f"{len(chat.messages)} turns do not fit {len(shells)} instances")
        parts = [part(question.content, shell["cuts"]) for question, shell in zip(asked, shells, strict=True)]
        instructions = {texts.pop("instruction", "") for texts in parts}
        if len(instructions) != 1:
            raise ValueError("its questions no longer share one instruction")
        instances = [
            _instance({**texts, "output": answer.content}, shell)
            for texts, answer, shell in zip(parts, said, shells, strict=True)
        ]
        return to_row(chat, {"instruction": instructions.pop(), "instances": instances})


def _blank() -> dict[str, Any]:
    return {"keys": ["input", "output"], "rest": {"input": ""}, "cuts": ()}


def _instance(filled: Row, shell: Row) -> Row:
    values = {**shell["rest"], **filled}
    return {key: values[key] for key in dict.fromkeys([*shell["keys"], *values]) if key in values}
