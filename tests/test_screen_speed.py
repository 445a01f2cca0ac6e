"""What the speed benchmark counts: all processes of a run, all their CPU seconds, and copies by every tool alike."""

import json
import struct
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from screening import chat, line, lines, says
from scripts import script

FOLDER = "bench/screen"
PARTS = ("planted_broken", "planted_banana", "planted_values", "planted_rows", "planted", "measure_truth")
for part in (*PARTS, "measure_sets"):
    script(f"{FOLDER}/{part}.py")
peers, tables, speed = (script(f"{FOLDER}/{name}.py") for name in ("speed_peers", "speed_tables", "speed"))

LARGE_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; held = bytearray(150_000_000); time.sleep(0.5)"], check=True)
sys.exit(7)
"""
ORPHAN = """
import subprocess, sys
spent = "import time\\nwhile time.process_time() < 1: pass"
subprocess.Popen([sys.executable, "-c", spent])
"""


def ran(tmp_path: Path, text: str) -> Any:
    return speed.watched([sys.executable, "-c", text], log=tmp_path / "log", environment={})


def test_the_largest_worker_is_told_apart_from_the_process_that_began_it(tmp_path):
    used = ran(tmp_path, LARGE_CHILD)
    assert used.exit == 7
    assert len(used.peaks) == 2
    assert max(used.peaks.values()) > 140
    assert used.peaks[0] < 100
    assert used.tree_mib >= max(used.peaks.values())


def test_a_process_that_nobody_waited_for_counts(tmp_path):
    used = ran(tmp_path, ORPHAN)
    assert used.exit == 0
    assert used.cpu_s >= 1


def test_the_peers_get_every_chat_once_and_in_order_with_its_place(tmp_path):
    chats = [line(chat(says(n), says(n + 500))) for n in range(40)]
    rows = list(chats)
    rows[7:7] = [b"{", b'{"messages": 3}', b'{"messages": [{"role": "user", "content": "\xff"}]}']
    rows += [line(chat("", "")), b'{"messages": [{"role": "user", "content": "\\ud800"}]}', b"[" * 100_000]
    path = lines(tmp_path / "rows.jsonl", rows)
    given = peers.flat(path, tmp_path / "parts")
    assert given == peers.Flat(40, sum(len(row) + 1 for row in chats), 6)
    at = [row for part in peers.ids(tmp_path / "parts") for row in part]
    assert at == sorted(at)
    data = path.read_bytes()
    assert [data[row:].splitlines()[0] for row in at] == chats


def placed(folder: Path, *parts: list[int]) -> Path:
    folder.mkdir(parents=True)
    for number, rows in enumerate(parts):
        lines(folder / f"{number:05}.jsonl", [{"id": str(row), "text": "x"} for row in rows])
    return folder


def test_a_copy_is_a_row_with_an_earlier_one_whoever_says_so(tmp_path):
    """Two groups: 10, 30, 50 across parts and 20, 40 in the second; 60 stands alone."""
    parts = placed(tmp_path / "parts", [10, 20, 30], [40, 50, 60])
    trove = tmp_path / "trove"
    (trove / "clusters").mkdir(parents=True)
    (trove / "clusters/000000.clusters").write_bytes(struct.pack("<6I", 0, 0, 1, 1, 2, 0))
    (trove / "clusters/000001.clusters").write_bytes(struct.pack("<4I", 0, 1, 1, 0))
    placed(tmp_path / "juicer/kept", [10, 20, 60])
    found = {10: [30, 50], 30: [10, 50], 50: [10, 30], 20: [40], 40: [20]}
    told = [{"rule": "DUP-NEAR", "offset": at, "related": [f"d:{row}" for row in rows]} for at, rows in found.items()]
    lines(tmp_path / "ours/findings.jsonl", [*told, {"rule": "DUP-PROMPT", "offset": 60, "related": ["d:10"]}])
    assert peers.by_clusters(trove, parts) == {30, 40, 50}
    assert peers.by_absence(tmp_path / "juicer", parts) == {30, 40, 50}
    assert peers.by_findings(tmp_path / "ours") == {30, 40, 50}


def test_planted_copies_are_all_of_a_group_but_the_first(tmp_path):
    facts = [("near", "a", 5), ("near", "a", 9), ("near", "b", 7), ("near", "b", 8), ("question", "a", 1)]
    truth = [{"class": "duplicate", "variant": kind, "offset": at, "parameters": {"of": of}} for kind, of, at in facts]
    lines(tmp_path / "truth.jsonl", [*truth, {"class": "personal", "variant": "near", "offset": 3, "parameters": {}}])
    known = speed.planted(speed.Rows("small", tmp_path / "rows.jsonl", 9, 9))
    assert known == {"exact": [], "folded": [], "near": [[5, 9], [7, 8]]}
    row = speed.agreed("datatrove", {5, 9, 100}, {9, 8}, known)
    assert row["planted"]["near"] == [1, 2]
    assert (row["named"], row["tuneward"], row["both"]) == (3, 2, 1)


def test_the_first_pass_is_read_from_what_the_screen_says():
    told = "plan     1 files · 1.0 MB · 1 shards\nread     1,000,000 rows in 1,033.5 s\njudged   in 1,040.0 s\n"
    assert speed.first_pass(told, 1_000_000) == {"first_s": 1033.5}
    for rows, text in ((999, told), (1_000_000, "")):
        with pytest.raises(ValueError, match="first pass"):
            speed.first_pass(text, rows)


def test_every_arm_runs_once_a_round_and_none_is_always_first():
    seen = list(speed.turns("abcdef", 3))
    assert [arm for turn, arm in seen if turn == 1] == list("cdefab")
    assert sorted(seen) == sorted((turn, arm) for turn in range(3) for arm in "abcdef")


def test_a_screen_is_run_and_read_as_a_user_would(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(speed, "code", lambda: "one")
    rows = [chat(says(n), says(n + 500)) for n in range(60)]
    path = lines(tmp_path / "rows.jsonl", [*rows, rows[3]])
    at = [sum(len(line(row)) + 1 for row in rows[:n]) for n in (3, 60)]
    facts = {"class": "duplicate", "variant": "exact", "parameters": {"of": "a"}}
    lines(tmp_path / "truth.jsonl", [{**facts, "offset": offset} for offset in at])
    given = {"data": path, "small": None, "out": tmp_path / "work", "sensitive": None, "evaluation": None}
    speed.run(Namespace(**given, peers=None, peers_on="small", repeats=1, workers=1, json=tmp_path / "speed.json"))
    results = json.loads((tmp_path / "speed.json").read_bytes())
    row = results["runs"][0]
    assert (row["rows"], row["bytes"], row["worker_mib"]) == (61, path.stat().st_size, None)
    assert row["cpu_s"] > 0
    assert results["agreement"][0]["planted"]["exact"] == [1, 1]
    assert "| tuneward | 61 | 1 |" in capsys.readouterr().out
    assert not (tmp_path / "work/run").exists()


def run_of(tool: str, size: str, rows: int, **more: Any) -> dict[str, Any]:
    row = {"tool": tool, "set": size, "workers": 2, "rows": rows, "bytes": rows * 1000, "load_before": 0.1, "exit": 0}
    return row | {"round": 0, "coordinator_mib": 90, "tree_mib": 400, "cpu_s": 10, "worker_mib": 100, **more}


def test_ratios_are_of_one_round_and_one_set():
    runs = [
        run_of("tuneward", "large", 1000, wall_s=20, first_s=10, worker_mib=150),
        run_of("tuneward", "small", 100, wall_s=2, first_s=1),
        run_of("tuneward", "small", 100, wall_s=4, first_s=1, round=1),
        run_of("datatrove", "small", 80, wall_s=8),
        run_of("datatrove", "small", 80, wall_s=4, round=1),
    ]
    machine = {"cpu": "a", "cores": 2, "python": "3"}
    shown = tables.table({"machine": machine, "versions": {"tuneward": "0"}, "code": "c", "runs": runs})
    assert "| 3.12 (1.25–5.00) | 0.50 (0.20–0.80) | 1.25 (1.25–1.25) |" in shown
    assert "| largest worker, over that at 100 rows | flat | × 1.50 |" in shown
    assert "| first pass, rows/s | at least 30,000 | 100 |" in shown
