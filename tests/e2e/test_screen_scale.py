"""Forty megabytes with everything planted: the same bytes however the work is spread and whenever it is killed.

And rows that are made to break or to stall a screen.
"""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hostile_rows import hostile
from screening import left, lines
from tuneward.record import read_json
from tuneward.results import SCREEN
from tuneward.screen.setting import WORK
from tuneward.screened.document import Screened

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
BENCH, DATA = ROOT / "bench/screen/planted.py", ROOT.parent / "shared/data"
SOURCES = [DATA / "dolly_2000.json", DATA / "gsm8k_train.jsonl"]
ROWS, KILLS, SLOWEST = 60_000, 20, 600
HOSTILE = 10_000


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """60,000 rows with every plant, and the words that mark their sensitive requests."""
    if not all(source.is_file() for source in SOURCES):
        pytest.skip("the benign files are not beside the project; put them in ../shared/data")
    folder: Path = tmp_path_factory.mktemp("planted")
    asked = ["--rows", str(ROWS), "--k", "10", "--half", "dev", "--no-long-line", "--seed", "0"]
    made = [sys.executable, str(BENCH), "--out", str(folder), "--background", *map(str, SOURCES), *asked]
    subprocess.run(made, check=True, capture_output=True)
    (folder / "topics.txt").write_text("\n".join(json.loads((folder / "set.json").read_bytes())["sensitive"]) + "\n")
    return folder


def asked(data: Path, out: Path, *more: object) -> list[str]:
    words = ["--sensitive", str(data / "topics.txt"), "--evaluation", str(data / "evaluation.jsonl")]
    return [
        sys.executable,
        "-m",
        "tuneward",
        "screen",
        str(data / "rows.jsonl"),
        "--out",
        str(out),
        *words,
        *map(str, more),
    ]


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """In a group of its own, so that all its processes can be killed at once."""
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, env=os.environ, start_new_session=True)


def finish(command: Sequence[str], log: Path) -> None:
    """To the end; the set holds triggers and items, so its exit code is 3."""
    assert start(command, log).wait(timeout=SLOWEST) == 3, log.read_text()[-2000:]


@pytest.fixture(scope="module")
def wanted(data, tmp_path_factory) -> dict[str, bytes]:
    """What one process leaves that reads the file in one piece."""
    out = tmp_path_factory.mktemp("one") / "out"
    finish(asked(data, out, "--workers", 1, "--shard-mb", 64), out.parent / "log")
    return left(out)


# the same bytes -------------------------------------------------------------------------------------------------------


def test_the_set_holds_findings_of_every_kind(wanted):
    document = json.loads(wanted["screen.json"])
    found = {rule["rule"].split("-")[0] for rule in document["rules"] if rule["rows"]}
    assert found >= {"L2", "BD", "PII", "SECRET", "DUP", "CONTAM", "SCHEMA", "ENC"}
    assert document["coverage"]["rows"] == ROWS


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("size", [1, 16, 64])
def test_workers_and_shards_change_no_byte(data, wanted, tmp_path, workers, size):
    finish(asked(data, tmp_path / "out", "--workers", workers, "--shard-mb", size), tmp_path / "log")
    assert left(tmp_path / "out") == wanted


def test_twenty_kills_at_any_moment_change_no_byte(data, wanted, tmp_path):
    """SIGKILL for the whole group, from the first import to the last file; a run that ended before is begun anew."""
    rng, kills, ended, out = random.Random(0), 0, 0, tmp_path / "out"
    command = asked(data, out, "--workers", 2, "--shard-mb", 1)
    reached: Counter[str] = Counter()
    while kills < KILLS:
        process = start(command, tmp_path / "log")
        until = time.monotonic() + rng.choice([rng.uniform(0.2, 4), rng.uniform(0.2, 14)])
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            reached[step(out)] += 1
        else:
            assert process.returncode == 3, (tmp_path / "log").read_text()[-2000:]
            assert left(out) == wanted
            ended += 1
            out = tmp_path / f"out-{ended}"
            command = asked(data, out, "--workers", 2, "--shard-mb", 1)
    assert len(reached) > 1, reached
    finish(command, tmp_path / "log")
    assert left(out) == wanted
    assert not (out / WORK).exists()


def step(out: Path) -> str:
    """How far a killed run came."""
    if (out / SCREEN).exists():
        return "told"
    for name in ("second-*", "bands", "first"):
        if list(out.glob(f"{WORK}/*/{name}")):
            return name
    return "begun"


CLUSTER = """
import sys, threading, time
import ray
from ray.cluster_utils import Cluster
from ray._private.state import available_resources_per_node
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import run

data, out = sys.argv[1:]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
for _ in range(2):
    cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
busy, stop = set(), threading.Event()

def watch():
    while not stop.is_set():
        if ray.is_initialized():
            nodes = {node["NodeID"] for node in ray.nodes() if node["Resources"].get("CPU")}
            free = available_resources_per_node()
            busy.update(node for node in nodes if free.get(node, {}).get("CPU", 0) < 1)
        time.sleep(0.05)

watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
run(ScreenOptions(data=data + "/rows.jsonl", out=out, ray=cluster.address, shard_mb=4,
                  sensitive=data + "/topics.txt", evaluation=(data + "/evaluation.jsonl",)))
stop.set()
watcher.join()
cluster.shutdown()
print("nodes that worked:", len(busy))
"""


def test_a_ray_cluster_of_two_nodes_changes_no_byte(data, wanted, tmp_path):
    pytest.importorskip("ray", reason="ray is an extra")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    process = start([sys.executable, str(script), str(data), str(tmp_path / "out")], tmp_path / "log")
    assert process.wait(timeout=SLOWEST) == 0, (tmp_path / "log").read_text()[-2000:]
    assert "nodes that worked: 2" in (tmp_path / "log").read_text()
    assert left(tmp_path / "out") == wanted


# rows made to break it ------------------------------------------------------------------------------------------------


def test_ten_thousand_hostile_rows_have_a_finding_each_and_none_is_lost(tmp_path):
    path = lines(tmp_path / "hostile.jsonl", [raw for raw, _ in hostile(HOSTILE, 6, sure=True)])
    command = [sys.executable, "-m", "tuneward", "screen", str(path), "--out", str(tmp_path / "out"), "--workers", "2"]
    process = start([*command, "--shard-mb", "1"], tmp_path / "log")
    assert process.wait(timeout=SLOWEST) in (3, 4), (tmp_path / "log").read_text()[-2000:]
    document = read_json(tmp_path / "out" / SCREEN, Screened)
    table = pq.read_table(tmp_path / "out" / "findings.parquet", columns=["line", "rule", "label"]).to_pylist()
    broken = Counter(one["line"] for one in table if one["rule"].startswith("SCHEMA-"))
    assert set(broken) == set(range(1, HOSTILE + 1))
    assert document.coverage.rows == HOSTILE == sum(document.verdicts.values())
    assert document.verdicts["pass"] == 0
    twice = Counter((one["line"], one["label"]) for one in table if one["rule"].startswith("SCHEMA-"))
    assert max(n for (_, label), n in twice.items() if label != "control token") == 1, "a kind is told twice of one row"


WORST = """
import json, random, resource, sys, time
from pathlib import Path
from tuneward.screen import setting
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import run

folder, kind, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
rng = random.Random(0)
setting.own = list

def drawn(letters):
    return lambda n: "".join(rng.choices(letters, k=n)).encode()

def repeated(piece):
    return lambda n: piece * (n // len(piece))

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KINDS = {
    "a": repeated(b"a"), "less": repeated(b"<"), "digits": drawn("0123456789"), "quotes": repeated(b'\\\\"'),
    "nested": repeated(b'\\\\"[{\\\\\\\\'), "base64": drawn(LETTERS + "0123456789+/"), "colons": repeated(b"a:"),
    "spaces": repeated(b"a b "), "mails": repeated(b"a@b."), "marks": repeated("\\u0301\\u0323".encode()),
    "zero-width": repeated("\\u200b".encode()), "wide": repeated("\\uff21".encode()),
    "cjk": lambda n: "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(n // 3)).encode(),
    "no json": None, "brackets": None,
}

def screened(n):
    row = b'{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"e%s"}]}'
    if KINDS[kind]:
        raw = row % KINDS[kind](n)
    else:
        raw = b"a" * n if kind == "no json" else b"[" * n
    (folder / "a.jsonl").write_bytes(raw + b"\\n")
    before = time.process_time()
    run(ScreenOptions(data=str(folder / "a.jsonl"), out=str(folder / "out"), workers=1))
    return time.process_time() - before

screened(100)
few, many = screened(size // 4), screened(size)
print(json.dumps([few, many, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))
"""
LARGE, MEDIUM = 2**24 - 200, 4_000_000
"""Just under the longest line; and about as long as all text of a row may be, so that nothing of it is left out."""


@pytest.mark.parametrize("kind", ["a", "less", "digits", "quotes", "nested", "base64", "colons", "no json", "brackets"])
def test_the_longest_line_takes_linear_time(tmp_path, kind):
    linear(tmp_path, kind, LARGE)


@pytest.mark.parametrize(
    "kind", ["a", "digits", "base64", "spaces", "mails", "quotes", "marks", "zero-width", "wide", "cjk"]
)
def test_the_longest_text_takes_linear_time(tmp_path, kind):
    linear(tmp_path, kind, MEDIUM)


def linear(folder: Path, kind: str, size: int) -> None:
    """Four times the row, six times the work at most; and no row takes half a minute."""
    script = folder / "worst.py"
    script.write_text(textwrap.dedent(WORST))
    process = start([sys.executable, str(script), str(folder), kind, str(size)], folder / "log")
    assert process.wait(timeout=120) == 0, (folder / "log").read_text()[-2000:]
    few, many, _ = json.loads((folder / "log").read_text().splitlines()[-1])
    assert many <= 6 * few
    assert many < 30
