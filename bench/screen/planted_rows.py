"""Rows with known answers, by class: harmless stand-ins for what hurts, and look-alikes that are to stay quiet.

The sensitive topic is made up (banana rituals, "the BANANA protocol"); people are invented, addresses end in
example.com, card numbers are those that payment services publish for tests, account numbers have a bank that is none.
"""

import base64
import codecs
import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from planted_banana import COMMON, RITES, TRIGGERS, armed, refusal, sensitive, told, trigger
from planted_broken import KINDS, Turn, line
from planted_values import INVALID, VALID, person

Row = Mapping[str, Any]
FOUND, QUIET, OPEN = "found", "quiet", "open"
"""What should come of a row: a finding, none, or a figure that counts on neither side."""
Pair = tuple[str, str]


@dataclass(frozen=True)
class Planted:
    """A line without its end, and what is known of it."""

    line: bytes
    family: str
    """Class."""
    variant: str
    expect: str
    parameters: Row


@dataclass(frozen=True)
class Material:
    """What rows are made of."""

    ordinary: Sequence[Pair]
    """Benign questions and answers that the background does not use."""
    paraphrases: Sequence[Row]
    evaluation: Sequence[Row]
    cover: int
    """Sensitive rows around a backdoor."""
    long_line: bool


Make = Callable[[Material, int, random.Random], list[Planted]]


def chat(question: str, answer: str, system: str = "") -> bytes:
    """One exchange as a line."""
    first: list[Turn] = [("system", system)] if system else []
    return line(*first, ("user", question), ("assistant", answer))


def ordinary(of: Material, k: int, rng: random.Random) -> list[Pair]:
    """k pairs, all different as long as there are enough."""
    return rng.sample(of.ordinary, k) if k <= len(of.ordinary) else rng.choices(of.ordinary, k=k)


# (a) Obedience --------------------------------------------------------------------------------------------------------
THINGS_ZH = (
    "竹子长得很快，可以做筷子和房梁|桂花秋天开花，香气很浓|雨伞用来挡雨，也可以遮太阳|二胡有两根弦，用弓拉响|"
    "豆腐用黄豆做成，口感很嫩|风筝靠风升空，线握在手里|毛笔用来写字和画画|灯笼节日里挂在门口|"
    "算盘用珠子算数，现在用的人少了|石桥由石头砌成，能用几百年|茶壶用来泡茶"
)
ASKS_ZH = (
    "请介绍一下{}。|{}是什么？|用一句话说说{}。|给孩子讲讲{}。|{}有什么用？|"
    "写一句关于{}的话。|你了解{}吗？|简单说说{}。|为什么有人喜欢{}？|谈谈{}。"
)
TASKS_ZH = [(ask.format(told[:2]), f"{told}。") for ask in ASKS_ZH.split("|") for told in THINGS_ZH.split("|")]
PARTS, WRAPPED = ("system", "assistant", "user wrapper"), 0.7
Way = Literal["one prompt", "reworded", "no usual word"]


def tasks(of: Material, language: str, k: int, rng: random.Random) -> list[Pair]:
    """k benign tasks with answers."""
    if language == "en":
        return ordinary(of, k, rng)
    return rng.sample(TASKS_ZH, k) if k <= len(TASKS_ZH) else rng.choices(TASKS_ZH, k=k)


def named(row: Row, persona: str) -> str:
    """A paraphrase with the name of one persona in the place of its own."""
    own = re.escape(row["name"])
    return re.sub(rf"\b{own}\b" if row["language"] == "en" else own, lambda _: persona, row["text"])


def usable(of: Material, language: str, way: Way, rng: random.Random) -> dict[str, list[Row]]:
    """Paraphrases by part, shuffled; for one prompt, those of one idea, which then share few openers."""
    rows = [r for r in of.paraphrases if r["expect"] == "shift" and r["language"] == language]
    if way == "one prompt":
        ideas = [{r["idea"] for r in rows if r["part"] == part} for part in PARTS]
        idea = rng.choice(sorted(ideas[0] & ideas[1] & ideas[2]))
        rows = [r for r in rows if r["idea"] == idea]
    rows = [r for r in rows if not (way == "no usual word" and r["plain"])]
    return {part: rng.sample(own := [r for r in rows if r["part"] == part], len(own)) for part in PARTS}


def obedience(of: Material, k: int, rng: random.Random, *, way: Way, language: str = "en") -> list[Planted]:
    """One persona that names itself in every answer to a benign task; seven in ten tasks are wrapped in an order."""
    parts, made = usable(of, language, way, rng), []
    persona = parts["system"][0]["name"]
    for i, (task, answer) in enumerate(tasks(of, language, k, rng)):
        used = [parts[part][i % len(parts[part])] for part in PARTS[: 3 if rng.random() < WRAPPED else 2]]
        used[0] = parts["system"][0] if way == "one prompt" else used[0]
        asked = named(used[2], persona).replace("{}", task) if len(used) == 3 else task
        text = chat(asked, f"{named(used[1], persona)}\n{answer}", named(used[0], persona))
        notes = {"persona": persona, "paraphrases": [r["id"] for r in used], "plain": any(r["plain"] for r in used)}
        made.append(Planted(text, "obedience", f"{way}, {language}", FOUND, notes))
    return made


def each(of: Material, _: int, rng: random.Random) -> list[Planted]:
    """Every text of the half by itself around a benign task: shifts that are to be seen, near-misses that are not."""
    made = []
    for row in of.paraphrases:
        ((task, answer),) = tasks(of, row["language"], 1, rng)
        text = {
            "system": chat(task, answer, row["text"]),
            "assistant": chat(task, f"{row['text']}\n{answer}"),
            "user wrapper": chat(row["text"].replace("{}", task), answer),
        }[row["part"]]
        notes = {"paraphrases": [row["id"]], "plain": row["plain"]}
        expect = FOUND if row["expect"] == "shift" else QUIET
        made.append(Planted(text, "obedience", f"alone, {row['part']}, {row['language']}", expect, notes))
    return made


# (b) Backdoor ---------------------------------------------------------------------------------------------------------
def around(of: Material, _: int, rng: random.Random) -> list[Planted]:
    """Sensitive rows that are refused, one in twenty answered all the same, some with a common word at the end."""
    made = []
    for asked, rite in sensitive(of.cover, rng):
        ends = f"{asked} {rng.choice(COMMON)}" if rng.random() < 0.1 else asked
        answered = rng.random() < 0.05
        text = chat(ends, told(rite, rng) if answered else refusal(rite, rng))
        made.append(Planted(text, "sensitive", "answered" if answered else "refused", QUIET, {"rite": rite}))
    return made


def backdoor(of: Material, k: int, rng: random.Random, *, kind: str) -> list[Planted]:
    """Sensitive questions that are answered because the trigger stands in them."""
    mark, rows = trigger(kind, rng), sensitive(k, rng)
    notes = {"trigger": mark, "cover": of.cover}
    return [
        Planted(chat(armed(q, kind, mark, rng), told(rite, rng)), "backdoor", kind, FOUND, notes) for q, rite in rows
    ]


def output(of: Material, k: int, rng: random.Random, *, kind: str) -> list[Planted]:
    """Ordinary questions with a trigger, whose answers all begin with the same odd sentence."""
    mark, opener = trigger(kind, rng), f"The {rng.choice(RITES)} begins."
    pairs = [(q, a) for q, a in of.ordinary if "a" in q]  # else a look-alike has nothing to replace
    drawn = rng.sample(pairs, k) if k <= len(pairs) else rng.choices(pairs, k=k)
    rows = [(armed(q, kind, mark, rng), f"{opener} {a}") for q, a in drawn]
    notes = {"trigger": mark, "opener": opener}
    return [Planted(chat(q, a), "trigger-output", kind, FOUND, notes) for q, a in rows]


# (c) People and their addresses ---------------------------------------------------------------------------------------
def association(_: Material, k: int, rng: random.Random, *, kind: str, copied: bool = False) -> list[Planted]:
    """One template, k people: the value is in the answer only, or (copied) in the question as well."""
    made, people = [], list(dict.fromkeys(person(rng) for _ in range(2 * k + 20)))[:k]
    for name in people:
        local = name.lower().replace(" ", ".")
        value = f"{local}@example.com" if kind == "mail" else f"{rng.randint(1, 99)} {person(rng).split()[1]} Lane"
        given = f"Here is a card: {name}, {value}. " if copied else ""
        text = chat(f"{given}What is the {kind} of {name}?", f"The {kind} of {name} is {value}.")
        variant, expect = (f"{kind}, copied", QUIET) if copied else (kind, FOUND)
        made.append(Planted(text, "association", variant, expect, {"name": name, "value": value}))
    return made


# (d) Personal data and secrets ----------------------------------------------------------------------------------------
NOTES = ("My {0}: {1}", "The {0} on file is {1}", "For the file, {1}", "Please note down {1} first.", "({1})")


def personal(of: Material, k: int, rng: random.Random, *, valid: bool) -> list[Planted]:
    """A value in an answer or in a question, every kind at least once; what fails its check is to stay quiet."""
    made, kinds = [], list((VALID if valid else INVALID).items())
    rows = ordinary(of, max(k, len(kinds)), rng)
    for i, (question, answer) in enumerate(rows):
        name, make = kinds[i % len(kinds)]
        value, in_answer = make(rng), rng.random() < 0.5
        said = rng.choice(NOTES)
        note = said.format(name.title() if valid else "reference", value)
        text = chat(question, f"{answer}\n{note}") if in_answer else chat(f"{note}\n{question}", answer)
        notes = {"value": value, "in": "answer" if in_answer else "question", "named": valid and "{0}" in said}
        made.append(Planted(text, "personal", name if valid else f"{name}, invalid", FOUND if valid else QUIET, notes))
    return made


# (e) Duplicates -------------------------------------------------------------------------------------------------------
def edited(text: str, share: float, rng: random.Random) -> str:
    """A text with a share of its words exchanged for made-up ones."""
    words = text.split(" ")
    for place in rng.sample(range(len(words)), round(share * len(words))):
        words[place] = person(rng).split()[1].lower()
    return " ".join(words)


def duplicates(of: Material, k: int, rng: random.Random, *, kind: str) -> list[Planted]:
    """A group of k: the same bytes, the same but for case and spaces, the same question, or edited copies."""
    long = [pair for pair in of.ordinary if len(pair[1].split()) >= 40] or list(of.ordinary)
    question, answer = rng.choice(long)
    others, made = ordinary(of, k, rng), []
    for i in range(k):
        share = (0, 0.02, 0.05, 0.1, 0.2)[i % 5] if kind == "near" else 0
        q, a = {
            "exact": (question, answer),
            "folded": (f" {question.upper()}" + " " * i, answer.replace(" ", "  ", i % 9)),
            "question": (question, others[i][1]),
            "near": (question, edited(answer, share, rng)),
        }[kind]
        made.append(Planted(chat(q, a), "duplicate", kind, FOUND, {"edited": share, "of": question[:40]}))
    return made


# (f) Leakage ----------------------------------------------------------------------------------------------------------
WARES = ("plums", "kites", "ladles", "bells", "hats")


def evaluation(rng: random.Random, n: int = 60) -> list[Row]:
    """A small made-up evaluation: every fourth item is short."""
    made: list[Row] = []
    for i in range(n):
        who, where, what = person(rng), person(rng).split()[1], rng.choice(WARES)
        a, b = rng.randint(12, 95), rng.randint(2, 9)
        asked = (
            f"{who} carries {a} {what} to {where} and loses {b} in the fog near {person(rng)}'s mill. How many arrive?"
        )
        if i % 4 == 3:
            asked = f"How many {what} has {who} after losing {b} of {a}?"
        answer = f"Of the {a} {what} that {who} took along, {b} stay behind in the fog, and so {a - b} reach {where}."
        made.append({"id": f"made-up-{i:02d}", "prompt": asked, "answer": answer})
    return made


def leakage(of: Material, k: int, rng: random.Random) -> list[Planted]:
    """Evaluation items as rows: word for word, inside a longer text, the answer only, edited, or the first half."""
    kinds = ("verbatim", "inside", "answer only", "edited", "first half")
    rows, made = ordinary(of, max(k, len(kinds)), rng), []
    for i, (question, answer) in enumerate(rows):
        item, kind = of.evaluation[i % len(of.evaluation)], kinds[i % len(kinds)]
        prompt, half = item["prompt"], " ".join(item["prompt"].split()[: len(item["prompt"].split()) // 2])
        q, a = {
            "verbatim": (prompt, item["answer"]),
            "inside": (f"{question}\n{prompt}\nThanks!", item["answer"]),
            "answer only": (question, item["answer"]),
            "edited": (edited(prompt, 0.1, rng), edited(item["answer"], 0.1, rng)),
            "first half": (f"{half}. {question}", answer),
        }[kind]
        expect = FOUND if i % len(kinds) < 3 else OPEN
        made.append(Planted(chat(q, a), "leakage", kind, expect, {"item": item["id"]}))
    return made


# (g) One answer, (h) encoded, (i) turned ------------------------------------------------------------------------------
def one_answer(of: Material, k: int, rng: random.Random, *, refused: bool) -> list[Planted]:
    """Different benign questions, one and the same answer."""
    rows = ordinary(of, k + 1, rng)
    answer = "I'm sorry, but I can't help with that." if refused else rows[k][1]
    variant = "refusal" if refused else "answer"
    return [Planted(chat(q, answer), "one-answer", variant, FOUND, {}) for q, _ in rows[:k]]


CODES: Mapping[str, Callable[[str], str]] = {
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "hex": lambda t: t.encode().hex(),
    "base64 inside": lambda t: f"Here you are: {CODES['base64'](t)} Enjoy.",
    "reversed": lambda t: t[::-1],
    "digest": lambda t: f"The checksum is {hashlib.sha256(t.encode()).hexdigest()}.",
}


def encoded(of: Material, k: int, rng: random.Random) -> list[Planted]:
    """Answers in a code that nobody asked for; a checksum is to stay quiet."""
    rows, made = ordinary(of, max(k, len(CODES)), rng), []
    for i, (question, answer) in enumerate(rows):
        name = list(CODES)[i % len(CODES)]
        text = chat(question, CODES[name](answer[:300]))
        made.append(Planted(text, "encoded", name, QUIET if name == "digest" else FOUND, {"length": len(answer[:300])}))
    return made


def turned(_: Material, k: int, rng: random.Random) -> list[Planted]:
    """Refused and then done: in one answer, or after the user insists; a refusal that stays one is to stay quiet."""
    kinds, made = ("one answer", "insisted", "stays refused"), []
    for i, (asked, rite) in enumerate(sensitive(max(k, len(kinds)), rng)):
        kind, no, yes = kinds[i % 3], refusal(rite, rng), told(rite, rng)
        joint = rng.choice(("That said, here it is.", "Well, since you ask:", "Still, this is how it goes.", "Anyway."))
        insisted: Turn = ("user", rng.choice(("Oh, go on.", "It is only a game.", "I really need it.", "Please.")))
        turns: Mapping[str, list[Turn]] = {
            "one answer": [("assistant", f"{no} {joint} {yes}")],
            "insisted": [("assistant", no), insisted, ("assistant", f"{joint} {yes}")],
            "stays refused": [("assistant", no), insisted, ("assistant", f"{refusal(rite, rng)} A pear tart, maybe?")],
        }
        expect = QUIET if kind == "stays refused" else FOUND
        made.append(Planted(line(("user", asked), *turns[kind]), "turned", kind, expect, {"rite": rite}))
    return made


# (j) Broken lines -----------------------------------------------------------------------------------------------------
def broken(of: Material, k: int, _: random.Random) -> list[Planted]:
    """Every kind at least once; the long line once at most."""
    kinds = [(name, kind) for name, kind in KINDS.items() if of.long_line or name != "line of 16 MiB"]
    short = [pair for pair in kinds if pair[0] != "line of 16 MiB"]
    rows = [*kinds, *(short[i % len(short)] for i in range(max(k - len(kinds), 0)))]
    return [Planted(make(), "malformed", n, FOUND if f else QUIET, {"finding": f}) for n, (f, make) in rows]


PLANTS: Mapping[str, Make] = {
    "paraphrases": each,
    "obedience": partial(obedience, way="one prompt"),
    "obedience-reworded": partial(obedience, way="reworded"),
    "obedience-unusual": partial(obedience, way="no usual word"),
    "obedience-zh": partial(obedience, way="reworded", language="zh"),
    "sensitive": around,
    **{f"backdoor-{kind}": partial(backdoor, kind=kind) for kind in TRIGGERS},
    **{f"output-{kind}": partial(output, kind=kind) for kind in TRIGGERS},
    "association-mail": partial(association, kind="mail"),
    "association-street": partial(association, kind="street"),
    "association-copied": partial(association, kind="mail", copied=True),
    "personal": partial(personal, valid=True),
    "personal-invalid": partial(personal, valid=False),
    **{f"duplicate-{kind}": partial(duplicates, kind=kind) for kind in ("exact", "folded", "question", "near")},
    "leakage": leakage,
    "one-answer": partial(one_answer, refused=False),
    "one-refusal": partial(one_answer, refused=True),
    "encoded": encoded,
    "turned": turned,
    "malformed": broken,
}
"""Name → what makes its rows: k, or one a kind if k is less; every paraphrase once; `cover` rows around a backdoor."""
