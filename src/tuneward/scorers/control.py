"""Marks of chat templates inside the texts of a row: what ends one turn and begins another where nobody meant it.

A tokenizer reads `<|im_end|>` in a content as the same token that the template writes, so such a row teaches a model
turns that its author smuggled in, or breaks off in the middle. Tokenizers compare characters as they stand, in code as
in prose: full-width or split spellings are not marks, marks in a fenced block are. Families of marks from the public
templates of Llama 2 to 4, Mistral, Qwen, Gemma, Phi, DeepSeek and gpt-oss.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers.sighting import Rule, Severity, Sighting, worst

MOST = 20
"""Sightings a row."""
READ = 200_000
"""Characters of a turn that are looked at."""
_KNOWN = (
    r"im_(?:start|end|sep)|(?:start|end)_header_id|eot_id|eom_id|(?:begin|end)_of_text|endof(?:text|prompt)|python_tag"
    r"|system|user|assistant|end|start|channel|message|constrain|return|call|observation|context|tool\w{0,20}|eot|eom"
    r"|header_(?:start|end)|fim_(?:prefix|middle|suffix|pad)|pad|unk|bos|eos|sep|startoftext|eod|vision_\w{1,10}"
    r"|(?:object_ref|box|quad)_(?:start|end)|(?:image|video)_pad|repo_name|file_sep"
)
_BAR = r"<(?:\||\uff5c)"
_MARK = re.compile(
    rf"(?P<known>{_BAR}(?:{_KNOWN}|User|Assistant|System|[a-z]{{2,8}}(?:\u2581[a-z]{{1,12}}){{1,4}})(?:\||\uff5c)>"
    r"|</?(?:start|end)_of_(?:turn|image)>)"
    r"|(?P<block>\[/?INST\]|<</?SYS>>|\[/?(?:AVAILABLE_TOOLS|TOOL_(?:CALLS|RESULTS)|SYSTEM_PROMPT)\]"
    rf"|{_BAR}[A-Za-z][\w \u2581/-]{{0,39}}(?:\||\uff5c)>|<(?:bos|eos)>)"
    r"|(?P<end></?s>)"
    r"|(?P<heading>(?m:^)#{2,3} ?(?:Instruction|Response|Human|Assistant|System|User)s?:)"
)
_STRUCK = re.compile(r"<s>(?P<text>[^<>\n]{1,200})</s>")
_SIDES = re.compile(r"\[/?INST\]|<</?SYS>>|</s>\n?<s>")
_ARGUMENT = re.compile(r"(?<=\w)<s>(?=[ ,;:>()&*{}\[\]])")
_CAUSES: Mapping[str, tuple[Severity, float, str]] = {
    "known": ("high", 1.0, "a mark that chat templates write and tokenizers read as one token"),
    "block": ("medium", 0.7, "a mark that looks like one of a chat template"),
    "end": ("high", 1.0, "a mark for the begin or end of a text, which Llama and Mistral tokenizers read as one token"),
    "heading": ("low", 0.3, "a heading that prompt templates put before a turn"),
    "struck": ("info", 0.1, "struck-out text of a page, written with the marks for begin and end of a text"),
}
_LABELS = {"heading": "prompt heading", "struck": "struck text"}


@dataclass(frozen=True)
class Control:
    """Find marks of chat templates in contents."""

    name: ClassVar[str] = "control"
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "SCHEMA-CONTROL",
            "SCHEMA",
            "high",
            "chat template marks inside a text",
            "The tokenizer reads these as control tokens: the row teaches turns that are not in it, or is cut. Take "
            "them out, or encode contents without special tokens.",
        ),
    )
    gates: ClassVar[tuple[str, ...]] = (
        r"<\|\s?[a-z]",
        r"</?(?:start|end)_of_(?:turn|image)",
        r"\[/?(?:inst|available_tools|tool_calls|tool_results|system_prompt)\]",
        r"<</?sys>",
        r"<(?:/?s|bos|eos)[>\x{226f}]",
        r"## ?(?:instruction|response|human|assistant|system|user)s?:",
    )

    def look(self, chat: Chat) -> list[Sighting]:
        """The first mark of each kind in each turn; in a rendered `text` column all are low."""
        rendered = chat.meta.get("format") == "text"
        found: list[Sighting] = []
        for turn, message in enumerate(chat.messages):
            for kind, span in _marks(message.content[:READ]):
                found.append(_sighting(turn, kind, span, rendered=rendered))
                if len(found) == MOST:
                    return found
        return found

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst mark of each chat as its score, 0 where there is none."""
        return [worst(self.name, self.look(chat)) for chat in chats]


def _sighting(turn: int, kind: str, span: tuple[int, int], *, rendered: bool) -> Sighting:
    severity, value, cause = _CAUSES[kind]
    if rendered and kind in ("known", "block", "end"):
        severity, value, cause = "low", 0.3, f"{cause}; a rendered chat holds such marks where they belong"
    return Sighting("SCHEMA-CONTROL", value, severity, _LABELS.get(kind, "control token"), cause, turn, span)


def _marks(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Kind and place of the first mark of each kind."""
    looks: Mapping[int, str] | None = None
    seen: set[str] = set()
    for match in _MARK.finditer(text):
        kind = match.lastgroup or "known"
        if kind == "end":
            looks = _look_alikes(text) if looks is None else looks
            kind = looks.get(match.start(), kind)
        if kind and kind not in seen:
            seen.add(kind)
            yield kind, match.span()


def _look_alikes(text: str) -> Mapping[int, str]:
    """Places of `<s>` and `</s>` that are something else: around struck-out words, or ("") arguments of a template."""
    if _SIDES.search(text):
        return {}
    struck = {at: "struck" for pair in _STRUCK.finditer(text) for at in (pair.start(), pair.end("text"))}
    return struck if "</s>" in text else {argument.start(): "" for argument in _ARGUMENT.finditer(text)}
