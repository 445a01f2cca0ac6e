"""Two other tools on the part of a screen's work that they do: near-duplicates, mail and network addresses.

    python bench/screen/speed_peers.py datatrove PARTS OUT WORKERS
    python bench/screen/speed_peers.py data-juicer PARTS OUT WORKERS

Run by speed.py with the Python that has them. PARTS is a folder that `flat` wrote: the rows as `{"id", "text"}`, so the
peers are spared chat formats and broken lines. MinHash is set as the screen has it: word 3-grams, 128 values in 32
bands of 4. Both are given a split at white space; neither compares the rows that its bands propose, as the screen does.
"""

import json
import re
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAMS, BANDS, PER_BAND = 3, 32, 4
PARTS = 8
"""Files the rows are cut into: a task of datatrove reads whole files."""


@dataclass(frozen=True)
class Flat:
    """What the peers were given of a set."""

    rows: int
    bytes: int
    """Of these rows in the original file."""
    left_out: int
    """Lines that are no chat in UTF-8 with text in it; the peers stop at some of them."""


def text_of(line: bytes) -> str | None:
    """All turns of a row in `messages`, one below the other."""
    try:
        row = json.loads(line.decode())
        texts = [turn["content"] for turn in row["messages"]]
        text = "\n".join(texts)
        text.encode()  # lone surrogates
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return text if text.strip() else None


def flat(data: Path, folder: Path) -> Flat:
    """Writes PARTS files of about equal size in the order of the rows; a row's id is its byte offset in `data`."""
    folder.mkdir(parents=True, exist_ok=True)
    size, rows, kept, left_out, offset = data.stat().st_size, 0, 0, 0, 0
    files = [(folder / f"{number:05}.jsonl").open("w", encoding="utf-8") for number in range(PARTS)]
    with data.open("rb") as source:
        for line in source:
            text = text_of(line)
            if text is None:
                left_out += 1
            else:
                files[min(offset * PARTS // size, PARTS - 1)].write(
                    json.dumps({"id": str(offset), "text": text}) + "\n"
                )
                rows, kept = rows + 1, kept + len(line)
            offset += len(line)
    for file in files:
        file.close()
    return Flat(rows, kept, left_out)


# what each found ------------------------------------------------------------------------------------------------------


def ids(folder: Path) -> Iterator[list[int]]:
    """Ids of the rows, part by part, of files that `flat` or a peer wrote."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield [int(json.loads(line)["id"]) for line in file]


def by_clusters(out: Path, parts: Path) -> set[int]:
    """Rows with an earlier copy by datatrove: all but the first of each cluster."""
    first: dict[int, int] = {}
    members: list[tuple[int, int]] = []
    for number, known in enumerate(ids(parts)):
        path = out / f"clusters/{number:06}.clusters"
        if path.exists():
            members += [(known[at], cluster) for at, cluster in struct.iter_unpack("<2I", path.read_bytes())]
    for row, cluster in members:
        first[cluster] = min(row, first.get(cluster, row))
    return {row for row, cluster in members if row != first[cluster]}


def by_absence(out: Path, parts: Path) -> set[int]:
    """Rows with an earlier copy by data-juicer, which leaves the first of each cluster: those that are gone."""
    kept = {row for part in ids(out / "kept") for row in part}
    return {row for part in ids(parts) for row in part} - kept


def by_findings(out: Path) -> set[int]:
    """Rows with an earlier copy by the screen: some row that their finding is about stands before them."""
    found = set()
    with (out / "findings.jsonl").open(encoding="utf-8") as file:
        for line in file:
            one = json.loads(line)
            if one["rule"] in ("DUP-EXACT", "DUP-NEAR"):
                others = [int(row.partition(":")[2]) for row in one["related"]]
                found |= {one["offset"]} if min(others, default=one["offset"]) < one["offset"] else set()
    return found


# the peers ------------------------------------------------------------------------------------------------------------


def datatrove(parts: Path, out: Path, workers: int) -> None:
    """Signatures, buckets, clusters; then addresses replaced in the rows that are kept, which are written."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.formatters import PIIFormatter
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Split(WordTokenizer):
        """Its usual tokeniser is spaCy's and slower; what it gets here has no punctuation any more."""

        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    config = MinhashConfig(n_grams=GRAMS, num_buckets=BANDS, hashes_per_bucket=PER_BAND)
    signatures, buckets, clusters = (str(out / name) for name in ("signatures", "buckets", "clusters"))
    sign: Any = MinhashDedupSignature(signatures, config=config, language=Split())
    steps: list[tuple[list[Any], int]] = [
        ([JsonlReader(str(parts)), sign], PARTS),
        ([MinhashDedupBuckets(signatures, buckets, config=config)], BANDS),
        ([MinhashDedupCluster(buckets, clusters, config=config, save_cluster_id=True)], 1),
        (
            [
                JsonlReader(str(parts)),
                MinhashDedupFilter(clusters),
                PIIFormatter(),
                JsonlWriter(str(out / "kept"), compression=None),
            ],
            PARTS,
        ),
    ]
    for number, (pipeline, tasks) in enumerate(steps):
        logs = str(out / f"logs/{number}")
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=min(workers, tasks), logging_dir=logs).run()


def data_juicer(parts: Path, out: Path, workers: int) -> None:
    """The same as a recipe of data-juicer.

    Spared what it does when the memory of GPUs is freed after every step: without torch it would install it there.
    """
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor
    from data_juicer.ops import base_op
    from data_juicer.utils.lazy_loader import LazyLoader

    def never(*_: object) -> None:
        raise ImportError("a package is missing; nothing is installed while the time is taken")

    LazyLoader._install_package, base_op.free_models = never, lambda: None
    near = {"tokenization": "space", "window_size": GRAMS, "lowercase": True, "ignore_pattern": r"[^\w\s]"}
    near |= {"num_permutations": BANDS * PER_BAND, "num_bands": BANDS, "num_rows_per_band": PER_BAND}
    recipe = {
        "dataset_path": str(parts),
        "export_path": str(out / "kept/rows.jsonl"),
        "np": workers,
        "text_keys": "text",
        "work_dir": str(out / "work"),
        "ds_cache_dir": str(out / "cache"),
        "process": [{"document_minhash_deduplicator": near}, {"clean_email_mapper": {}}, {"clean_ip_mapper": {}}],
    }
    out.mkdir(parents=True, exist_ok=True)
    file = out / "recipe.yaml"
    file.write_text(json.dumps(recipe), encoding="utf-8")  # which YAML can read
    DefaultExecutor(init_configs(["--config", str(file)])).run()


@dataclass(frozen=True)
class Peer:
    """A tool, and what of a screen's work it does."""

    package: str
    run: Callable[[Path, Path, int], None]
    copies: Callable[[Path, Path], set[int]]
    does: str


PEERS = {
    "datatrove": Peer(
        "datatrove",
        datatrove,
        by_clusters,
        "near-duplicates by MinHash in four steps (pairs that bands propose are not compared); mail and public network "
        "addresses replaced; rows that are kept written",
    ),
    "data-juicer": Peer(
        "py-data-juicer",
        data_juicer,
        by_absence,
        "near-duplicates by MinHash, grouped in one process (pairs that bands propose are not compared); mail and "
        "network addresses removed; rows that are kept written",
    ),
}


def versions(python: str, run: Callable[..., Any]) -> dict[str, str]:
    """Of the peers that another Python has."""
    told = run([python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True).stdout
    have = dict(re.findall(r"^([\w.-]+)==(\S+)$", told, re.MULTILINE))
    return {name: have[peer.package] for name, peer in PEERS.items() if peer.package in have}


if __name__ == "__main__":
    PEERS[sys.argv[1]].run(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
