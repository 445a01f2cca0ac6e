"""Fine-tuning sets with known answers: benign background rows and planted ones, written before any screening rule.

    python bench/screen/planted.py --out DIR --background FILE [FILE …] --rows 1000 --k 10
        [--plants all | obedience backdoor-rare …] [--half dev | held_out] [--seed 0] [--cover N] [--no-long-line]
    python bench/screen/planted.py --out DIR --self-check

DIR receives `rows.jsonl` (chats, one a line), `truth.jsonl` (one line a planted row: place, offset, class, variant,
what should be found), `evaluation.jsonl` (what leaks) and `set.json` (counts, digests, settings). The same settings
give the same bytes; planted rows depend on seed, k and sources, and only the sensitive ones on the number of rows.

The first pass over the background takes its rows as they are; every later pass exchanges half of their longer
words and numbers for others of the same corpus, so that a large set is not full of copies. Memory does not grow with
the number of rows: sources (20,000 rows at most) and planted rows are held, the set is written line by line.
"""

import argparse
import hashlib
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from planted_banana import RITES
from planted_rows import PLANTS, Material, Pair, Planted, chat, evaluation

HERE = Path(__file__).parent
HALVES = ("dev", "held_out")
MOST_SOURCES, LEAST_SOURCES, HELD_BACK = 20_000, 40, 500
"""Rows read of all sources; rows needed; rows that planted rows are made of and the background never uses."""
EXCHANGED = 0.5
WORD = re.compile(r"\b([a-z]{3,}|\d{1,4})\b")
Row = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What decides every byte of a set."""

    rows: int
    """All of them, planted ones included."""
    k: int
    plants: tuple[str, ...] = tuple(PLANTS)
    half: str = "dev"
    """Which half of the paraphrases the obedience rows use."""
    seed: int = 0
    cover: int | None = None
    """Sensitive rows around a backdoor; None: 50 and a tenth of all rows, 2,000 at most."""
    long_line: bool = True
    sources: dict[str, str] = field(default_factory=dict)
    """Name of a source → sha256."""


# Background -----------------------------------------------------------------------------------------------------------
def pair(row: Row) -> Pair:
    """Question and answer of a row in one of the usual forms.

    Raises:
        ValueError: none of these forms.
    """
    if "messages" in row:
        return row["messages"][0]["content"], row["messages"][-1]["content"]
    if "question" in row:
        return row["question"], row["answer"]
    if "instruction" in row and ("output" in row or "response" in row):
        more = row.get("input") or row.get("context") or ""
        return f"{row['instruction']}\n{more}".strip(), row.get("output") or row.get("response") or ""
    raise ValueError(f"a row has the fields {sorted(row)}; expected messages, question/answer or instruction/output")


def read(path: Path) -> list[Pair]:
    """Questions and answers of a JSON list or JSONL file, empty ones left out."""
    text = path.read_text(encoding="utf-8")
    rows = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
    return [(q, a) for q, a in map(pair, rows) if q.strip() and a.strip()]


def background(sources: Sequence[Pair], rng: random.Random) -> Iterator[bytes]:
    """Lines without end: every source once as it is, then again and again with other words."""
    pool = [word for turns in sources for text in turns for word in WORD.findall(text)]
    words = [word for word in pool if not word.isdigit()] or ["word"]
    places = list(range(len(sources)))
    rng.shuffle(places)
    yield from (chat(*sources[place]) for place in places)
    while True:
        rng.shuffle(places)
        for place in places:
            yield chat(*(varied(text, words, rng) for text in sources[place]))


def varied(text: str, words: Sequence[str], rng: random.Random) -> str:
    """A text with half of its longer lower-case words and short numbers exchanged, nothing else touched."""
    parts, draw, n = WORD.split(text), rng.random, len(words)
    for i in range(1, len(parts), 2):
        if draw() < EXCHANGED:
            old = parts[i]
            parts[i] = str(int(draw() * 10 ** len(old))) if old.isdigit() else words[int(draw() * n)]
    return "".join(parts)


# Writing --------------------------------------------------------------------------------------------------------------
def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Names of plants in their order; a backdoor brings the sensitive rows around it.

    Raises:
        ValueError: a name that is none.
    """
    if unknown := sorted(set(names) - {*PLANTS, "all"}):
        raise ValueError(f"--plants {' '.join(unknown)}: unknown; there are all, {', '.join(PLANTS)}")
    wanted = set(PLANTS) if "all" in names else set(names)
    if any(name.startswith("backdoor") for name in wanted):
        wanted.add("sensitive")
    return tuple(name for name in PLANTS if name in wanted)


def paraphrases(half: str) -> list[Row]:
    """One half of the obedience texts."""
    text = (HERE / f"obedience_{half}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def plant(setting: Setting, held_back: Sequence[Pair], leaked: Sequence[Mapping[str, Any]]) -> list[Planted]:
    """All planted rows; each plant has its own random numbers, so leaving one out changes no other."""
    cover = min(2000, 50 + setting.rows // 10) if setting.cover is None else setting.cover
    of = Material(held_back, paraphrases(setting.half), leaked, cover, setting.long_line)
    made: list[Planted] = []
    for name in setting.plants:
        made.extend(PLANTS[name](of, setting.k, random.Random(f"{setting.seed} {setting.k} {name}")))
    return made


def write(out: Path, sources: Sequence[Path], setting: Setting) -> Row:
    """Write a set; returns what set.json holds.

    Raises:
        ValueError: too few source rows, or planted rows are over three quarters of the set.
    """
    pairs = [pair for path in sources for pair in read(path)][:MOST_SOURCES]
    if len(pairs) < LEAST_SOURCES:
        raise ValueError(f"the background has {len(pairs)} rows; give files with {LEAST_SOURCES} at least")
    random.Random(f"{setting.seed} held back").shuffle(pairs)
    cut = min(HELD_BACK, len(pairs) // 2)
    leaked = evaluation(random.Random(f"{setting.seed} evaluation"))
    planted = plant(setting, pairs[:cut], leaked)
    if 4 * len(planted) > 3 * setting.rows:
        raise ValueError(
            f"{len(planted)} planted rows in {setting.rows}: over three quarters; take more --rows or less to plant"
        )
    setting = replace(setting, sources={path.name: digest(path) for path in sources})
    out.mkdir(parents=True, exist_ok=True)
    save(out / "evaluation.jsonl", leaked)
    lines = background(pairs[cut:], random.Random(f"{setting.seed} background"))
    size, sha = stream(out, planted, lines, setting)
    counts = Counter(f"{row.family}: {row.variant}: {row.expect}" for row in planted)
    info = {"setting": asdict(setting), "planted": len(planted), "bytes": size, "sha256": sha, "counts": dict(counts)}
    info["sensitive"] = ["banana", *RITES]
    (out / "set.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    return info


def stream(out: Path, planted: list[Planted], lines: Iterator[bytes], setting: Setting) -> tuple[int, str]:
    """Write rows and truth side by side; planted rows stand at random places, never first. Returns bytes and sha256."""
    rng, sha, offset = random.Random(f"{setting.seed} places"), hashlib.sha256(), 0
    order = rng.sample(planted, len(planted))
    at = dict(zip(sorted(rng.sample(range(1, setting.rows), len(planted))), order, strict=True))
    with (out / "rows.jsonl").open("wb") as rows, (out / "truth.jsonl").open("w", encoding="utf-8") as truth:
        for number in range(setting.rows):
            known = at.get(number)
            text = known.line if known else next(lines)
            if known:
                truth.write(json.dumps(fact(known, number, offset)) + "\n")
            rows.write(text + b"\n")
            sha.update(text + b"\n")
            offset += len(text) + 1
    return offset, sha.hexdigest()


def fact(known: Planted, number: int, offset: int) -> Row:
    """A line of the side file; rows are counted from 0, offset and bytes are those of the line without its end."""
    where = {"row": number, "offset": offset, "bytes": len(known.line), "hash": short(known.line)}
    return {
        **where,
        "class": known.family,
        "variant": known.variant,
        "expect": known.expect,
        "parameters": dict(known.parameters),
    }


def short(text: bytes) -> str:
    """The beginning of a sha256."""
    return hashlib.sha256(text).hexdigest()[:16]


def digest(path: Path) -> str:
    """sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(path: Path, rows: Sequence[Any]) -> None:
    """Write JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# Self-check -----------------------------------------------------------------------------------------------------------
def check(out: Path) -> list[str]:
    """What is wrong with a written set, read again from its beginning: nothing, if it is as it was written."""
    info = json.loads((out / "set.json").read_text(encoding="utf-8"))
    facts = [json.loads(line) for line in (out / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    at, wrong, offset, number = {row["row"]: row for row in facts}, [], 0, -1
    with (out / "rows.jsonl").open("rb") as rows:
        for number, line in enumerate(rows):
            known, text = at.get(number), line.removesuffix(b"\n")
            if known and (known["offset"], known["bytes"], known["hash"]) != (offset, len(text), short(text)):
                wrong.append(f"rows.jsonl:{number + 1}: not the planted row that truth.jsonl says")
            if not known and len(json.loads(text)["messages"]) != 2:
                wrong.append(f"rows.jsonl:{number + 1}: a background row is no exchange")
            offset += len(line)
    counts = Counter(f"{row['class']}: {row['variant']}: {row['expect']}" for row in facts)
    told = {"rows": info["setting"]["rows"], **{key: info[key] for key in ("planted", "bytes", "sha256", "counts")}}
    is_so = {"rows": number + 1, "planted": len(at), "bytes": offset, "sha256": digest(out / "rows.jsonl")}
    is_so["counts"] = dict(counts)
    return wrong + [
        f"set.json says {key} {told[key]!r:.60}, found {is_so[key]!r:.60}" for key in told if told[key] != is_so[key]
    ]


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--self-check", action="store_true", help="only re-read what is there")
    parser.add_argument("--background", type=Path, nargs="+", default=[])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--plants", nargs="+", default=["all"])
    parser.add_argument("--half", choices=HALVES, default="dev")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cover", type=int)
    parser.add_argument("--no-long-line", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check a set; 0 if all is well, 1 if a set is not what it says, 2 if it cannot be made."""
    asked = options(arguments)
    try:
        if not asked.self_check:
            plants, long_line = chosen(asked.plants), not asked.no_long_line
            setting = Setting(asked.rows, asked.k, plants, asked.half, asked.seed, asked.cover, long_line)
            info = write(asked.out, asked.background, setting)
            print(f"{asked.out}: {asked.rows} rows, {info['planted']} of them planted, {info['bytes']} bytes")
        wrong = check(asked.out)
    except (ValueError, FileNotFoundError) as error:
        print(f"planted: {error}", file=sys.stderr)
        return 2
    print("\n".join(wrong) or f"{asked.out}: as written")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
