"""judge sheet: replies for people to label, without a word of who spoke or what any judge said (house method).

Drawn by pattern, so that what is rare is there often enough: disagreements, harm, verdicts that nobody gave. Each
reply's chance of being drawn is known and kept in a private key, so that rates of all pairs follow from the labels.
"""

import io
import os
import random
import shlex
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuneward.chat import Arm, Chat, Reply
from tuneward.judge.options import SheetOptions
from tuneward.judge.run import SaidOf
from tuneward.judges.panel import differ
from tuneward.judges.rubric import Rubric
from tuneward.record import digest, read_jsonl, sha256_file, to_json, write_atomic
from tuneward.results import REPLIES, SAID, read_audit, read_scores
from tuneward.rows.csv_files import write_csv
from tuneward.rows.json_files import BOM
from tuneward.score import Score
from tuneward.text import visible

KEY = "sheet.key.json"
COLUMNS = ("id", "request", "answer", "label", "note")
LEAST = 5
"""Labels a pattern should have; patterns are told apart less finely where there are too many for that."""
LETTERS = "bcdfghjkmnpqrstvwxz"
"""Of an id: no digits, which a spreadsheet would take for a number, and no vowels, so no words."""
LENGTH = 8
FORMULA = frozenset("=+-@＝＋－＠|%")
"""First characters that a spreadsheet may take for the beginning of a formula or a command."""

Pattern = tuple[object, ...]


@dataclass(frozen=True)
class Stands:
    """A reply behind a row of the sheet."""

    arm: Arm
    suite: str
    id: str
    weight: float
    """Pairs that it stands for."""


@dataclass(frozen=True)
class Shown:
    """What is behind a row of the sheet."""

    inclusion: float
    """Its chance of being drawn."""
    replies: tuple[Stands, ...]


@dataclass(frozen=True)
class Key:
    """What the sheet hides."""

    audit: str
    replies: str
    """sha256 of the audit's replies."""
    seed: int
    rows: Mapping[str, Shown] = field(default_factory=dict)
    """Id on the sheet → what it is."""
    schema: str = "tuneward/sheet-key/1"


@dataclass(frozen=True)
class Text:
    """One answer to one request, and all replies that are just that."""

    request: str
    answer: str
    said: tuple[SaidOf, ...]

    @property
    def arms(self) -> str:
        """The arms that gave it, in one word."""
        return "+".join(sorted({line.arm for line in self.said}))


@dataclass(frozen=True)
class Drawn:
    """A text on the sheet."""

    text: Text
    inclusion: float


def run(options: SheetOptions) -> list[str]:
    """Draw and write the sheet and its key; what was written, and what to do with it.

    Raises:
        FileNotFoundError: the audit is not finished, was not judged, or its replies are gone.
        ValueError: a file is there already, or there is nothing to draw from.
    """
    folder, out = Path(options.folder), Path(options.out)
    audit = read_audit(folder)
    if not (folder / SAID).is_file():
        raise FileNotFoundError(f"{folder / SAID}: nobody has judged this audit; run `tuneward judge run` first")
    for path in (out, folder / KEY):
        if os.path.lexists(path):
            raise ValueError(f"{path}: is there already and is never replaced; move it and the labels it belongs to")
    hidden = {(row.suite, row.id) for row in read_scores(folder) if row.sensitive}
    texts = texts_of(read_jsonl(folder / SAID, SaidOf), read_jsonl(folder / REPLIES, Reply), hidden=hidden)
    found = drawn(texts, count=options.count, seed=options.seed)
    tokens = {token(one.text, options.seed): one for one in found}
    if len(tokens) < len(found):
        raise ValueError(f"{out}: two ids fell together; expected none, draw with another --seed")
    rows = {name: Shown(one.inclusion, _stands(one.text)) for name, one in tokens.items()}
    key = Key(audit.id, sha256_file(folder / REPLIES), options.seed, rows)
    _write(out, sheet_of(tokens, seed=options.seed), place=folder / KEY, key=key)
    shown = [line for one in found for line in one.text.said]
    arms = ", ".join(f"{sum(line.arm == arm for line in shown)} {arm}" for arm in ("base", "tuned"))
    words = ["tuneward", "judge", "calibrate", str(folder), str(out)]
    return [
        str(out),
        str(folder / KEY),
        f"{len(found)} answers for {len(shown)} replies ({arms}); they are a model's words, some perhaps harmful: "
        "only your account may read the file",
        f"fill in `label`: harmful, benign or unclear; then: {shlex.join(words)}",
    ]


def texts_of(said: Sequence[SaidOf], replies: Sequence[Reply], *, hidden: set[tuple[str, str]]) -> list[Text]:
    """What may be shown, each text once: nothing of a sensitive category (`hidden`: suite and id), nothing empty.

    Raises:
        ValueError: a verdict without its reply, or nothing that may be shown.
    """
    plain = {(r.suite, r.id, str(r.arm)): r for r in replies if r.render == "plain" and r.sample == 0}
    lines: dict[tuple[str, str], list[SaidOf]] = defaultdict(list)
    for number, line in enumerate(said, 1):
        reply = plain.get((line.suite, line.id, line.arm))
        if reply is None:
            raise ValueError(f"{SAID}:{number}: no reply {line.id} of the {line.arm} arm; judge the audit again")
        if (line.suite, line.id) in hidden or reply.chat.meta.get("sensitive") or not reply.chat.answer.strip():
            continue
        lines[request_of(reply.chat), reply.chat.answer].append(line)
    if not lines:
        raise ValueError(
            f"{SAID}: no reply that people may be shown; judge an audit of requests that are not sensitive"
        )
    return [Text(request, answer, tuple(group)) for (request, answer), group in lines.items()]


def request_of(chat: Chat) -> str:
    """What was asked; with the turns before it where there are any."""
    turns = chat.messages[:-1] if chat.answer else chat.messages
    return turns[0].content if len(turns) == 1 else "\n\n".join(f"[{turn.role}] {turn.content}" for turn in turns)


def drawn(texts: Sequence[Text], *, count: int, seed: int) -> list[Drawn]:
    """Half of `count` for each arm, equally many of each pattern, in random order.

    A text that both arms gave belongs to both and takes a place of each. Within a pattern and its arms every text has
    the same chance, number drawn / number there are, so Horvitz–Thompson totals are the true ones.

    Raises:
        ValueError: fewer places than patterns.
    """
    half = count // 2
    strata = _strata(texts, half)
    sizes = {name: len(group) for name, group in strata.items()}
    counts = _counts(sizes, half)
    if not all(counts.values()):
        raise ValueError(f"count is {count}: too few for every pattern; expected {2 * len(sizes)} or more")
    rng = random.Random(f"sheet {seed}")
    found = []
    for name in sorted(strata, key=repr):
        chosen = rng.sample(strata[name], counts[name])
        found += [Drawn(text, counts[name] / sizes[name]) for text in chosen]
    rng.shuffle(found)
    return found


def _strata(texts: Sequence[Text], places: int) -> dict[tuple[str, Pattern], list[Text]]:
    """Texts by arms and pattern, as finely as leaves `LEAST` places for each."""
    strata: dict[tuple[str, Pattern], list[Text]] = {}
    for pattern in PATTERNS:
        strata = defaultdict(list)
        for text in texts:
            strata[text.arms, pattern(text.said[0])].append(text)
        if max(sum(arm in name for name, _ in strata) for arm in ("base", "tuned")) * LEAST <= places:
            break
    return dict(strata)


def _counts(sizes: Mapping[tuple[str, Pattern], int], half: int) -> dict[tuple[str, Pattern], int]:
    """How many of each are drawn: what both arms share as the arm with less room allows, the rest by arm."""
    of = {arm: {name: size for name, size in sizes.items() if arm in name[0]} for arm in ("base", "tuned")}
    first = [allotted(group, half) for group in of.values()]
    counts = {name: min(part[name] for part in first) for name in sizes if "+" in name[0]}
    shared = sum(counts.values())
    for group in of.values():
        counts |= allotted({name: size for name, size in group.items() if name not in counts}, half - shared)
    return counts


def allotted(sizes: Mapping[tuple[str, Pattern], int], count: int) -> dict[tuple[str, Pattern], int]:
    """Equally many of each; what a small one cannot give, and what is left over, goes to the larger ones."""
    counts, left = {}, count
    for done, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], repr(name)))):
        counts[name] = min(sizes[name], left // (len(sizes) - done))
        left -= counts[name]
    return counts


def _fine(line: SaidOf) -> Pattern:
    return line.shape, *((_word(score), _level(score)) for score in line.verdicts.values())


def _words(line: SaidOf) -> Pattern:
    return line.shape, *map(_word, line.verdicts.values())


def _coarse(line: SaidOf) -> Pattern:
    """The last verdict is the panel's, or that of the only judge."""
    scores = list(line.verdicts.values())
    return line.shape, _word(scores[-1]), differ(scores)


def _alike(line: SaidOf) -> Pattern:  # noqa: ARG001
    return ()


PATTERNS: tuple[Callable[[SaidOf], Pattern], ...] = (_fine, _words, _coarse, _alike)
"""What a reply is told apart by: the shape of its wording and every verdict, from fine to not at all."""


def _word(score: Score) -> str:
    return "unjudged" if score.value is None else "harmful" if score.value >= 0.5 else "benign"


def _level(score: Score) -> int | None:
    """Level 1, 2, 3, or 4 and 5 together, of a rubric."""
    return min(int(score.raw), 4) if score.raw is not None and score.scorer.startswith(f"{Rubric.kind}:") else None


def token(text: Text, seed: int) -> str:
    """Its name on the sheet: letters that look random, the same for the same words and seed on either arm."""
    number, letters = int(digest(["sheet", seed, text.request, text.answer])[:24], 16), ""
    for _ in range(LENGTH):
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
    return letters


def _stands(text: Text) -> tuple[Stands, ...]:
    arms: dict[str, Arm] = {"base": "base", "tuned": "tuned"}
    return tuple(Stands(arms[line.arm], line.suite, line.id, line.weight) for line in text.said)


def sheet_of(tokens: Mapping[str, Drawn], *, seed: int) -> bytes:
    """The CSV, in an order that only the seed decides.

    With a byte order mark: without one, spreadsheets on Windows read UTF-8 as the local encoding and break Chinese.
    """
    names = sorted(tokens)
    random.Random(f"order {seed}").shuffle(names)
    file = io.BytesIO()
    file.write(BOM)
    values = ((name, harmless(tokens[name].text.request), harmless(tokens[name].text.answer), "", "") for name in names)
    write_csv(file, (dict(zip(COLUMNS, row, strict=True)) for row in values))
    return file.getvalue()


def harmless(text: str) -> str:
    """A cell that no spreadsheet runs and in which nothing is hidden: an apostrophe before what could begin a formula
    (OWASP, "CSV Injection"), and hidden characters spelt out."""
    text = visible(text)
    return f"'{text}" if text[:1].isspace() or text.lstrip()[:1] in FORMULA else text


def _write(out: Path, sheet: bytes, *, place: Path, key: Key) -> None:
    """Both files or neither."""
    write_atomic(place, to_json(key), mode=0o600)
    try:
        write_atomic(out, sheet, mode=0o600)
    finally:
        if not out.exists():  # the sheet could not be written, so its key is of nothing
            place.unlink()
