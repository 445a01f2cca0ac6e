"""How fast a screen is and how much memory it takes, beside two tools that do a part of its work, in one run.

    python -m venv PEERS && PEERS/bin/pip install datatrove==0.10.1 orjson py-data-juicer==1.6.1 aiohttp ray
    python bench/screen/speed.py run --data ROWS.jsonl --small ROWS100K.jsonl --out WORK --peers PEERS/bin/python
        [--repeats 3] [--sensitive WORDS --evaluation ROWS.jsonl] [--peers-on small | large] [--json FILE]
    python bench/screen/speed.py table [--json FILE]

Every arm is a process of its own, from its start to its end; the arms take turns, in another order each round. Rows are
those of planted.py. CPU seconds are what the system counted for the process and all that it began; memory is the
largest resident size of each process (VmHWM), read from /proc while it runs, so this needs Linux. The peers read rows
that were made plain for them (`speed_peers.flat`, not timed). What each of them names as a copy is compared with what
the screen names, on the planted copies (truth.jsonl beside the rows) and on all rows.
"""

import argparse
import ctypes
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure_sets import code
from speed_peers import PEERS, Flat, by_findings, flat, versions
from speed_tables import OURS, table

from tuneward.record import to_json, write_atomic

OUT = Path(__file__).with_suffix(".json")
ENDS = (0, 3, 4)
"""Exit codes of a screen that was carried out: policy met, not met, something was not looked at."""
EVERY_S, LEFT_S = 0.1, 30
COPIES = ("exact", "folded", "near")
READ = re.compile(r"^read +([\d,]+) rows in ([\d.,]+) s", re.MULTILINE)
SUBREAPER = 36
"""prctl: orphans become children of this process, so that their CPU seconds are told to it as well."""
Row = dict[str, Any]


# one process and all that it begins -----------------------------------------------------------------------------------


@dataclass
class Used:
    """What a process and all that it began took."""

    exit: int = 0
    wall_s: float = 0
    """To a tenth of a second."""
    cpu_s: float = 0
    tree_mib: float = 0
    """Most at one time; shared pages count in every process that has them."""
    peaks: dict[int, float] = field(default_factory=dict)
    """MiB by process."""


def children(pid: int) -> list[int]:
    """Processes that a process began and that were not yet waited for."""
    try:
        tasks = [Path(f"/proc/{pid}/task/{task}/children").read_text() for task in os.listdir(f"/proc/{pid}/task")]
    except OSError:  # it ended
        return []
    return [int(child) for task in tasks for child in task.split()]


def begun(known: set[int]) -> list[int]:
    """All processes that this one began, and those that they began."""
    found, todo = [], [child for child in children(os.getpid()) if child not in known]
    while todo:
        found.append(todo.pop())
        todo += children(found[-1])
    return found


def memory(pid: int) -> tuple[float, float]:
    """Largest and present resident MiB; 0 for one that ended."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    sizes = {name: int(kb) / 1024 for name, kb in re.findall(r"^(VmHWM|VmRSS):\s+(\d+)", told, re.MULTILINE)}
    return sizes.get("VmHWM", 0), sizes.get("VmRSS", 0)


def watched(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Used:
    """Run it to its end and until nothing of it is left; both channels go to `log`."""
    known, used = set(children(os.getpid())), Used()
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    with log.open("wb") as file:
        start = time.perf_counter()
        root = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **environment})
        ended = 0.0
        while alive := begun(known):
            _sampled(alive, used)
            for pid in set(children(os.getpid())) - known:
                _reaped(pid, root, used)
            if root.returncode is not None:
                ended = ended or time.perf_counter()
                if time.perf_counter() - ended > LEFT_S:
                    _stopped(set(children(os.getpid())) - known)
            if root.returncode is None or children(os.getpid()):
                time.sleep(EVERY_S)
    ctypes.CDLL(None).prctl(SUBREAPER, 0)
    if root.returncode is None:
        raise ValueError("/proc/PID/task/PID/children cannot be read here; this needs a Linux that has it")
    used.exit, used.wall_s = root.returncode, ended - start
    used.peaks = {0 if pid == root.pid else pid: mib for pid, mib in used.peaks.items()}
    return used


def _sampled(alive: Sequence[int], used: Used) -> None:
    """The last reading counts: a process shows its parent's size until it is what it is to be."""
    together = 0.0
    for pid in alive:
        peak, present = memory(pid)
        together += present
        if peak:
            used.peaks[pid] = peak
    used.tree_mib = max(used.tree_mib, together)


def _reaped(pid: int, root: "subprocess.Popen[bytes]", used: Used) -> None:
    gone, status, usage = os.wait4(pid, os.WNOHANG)
    if gone:
        used.cpu_s += usage.ru_utime + usage.ru_stime  # with those that it waited for
        if gone == root.pid:
            root.returncode = os.waitstatus_to_exitcode(status)


def _stopped(left: set[int]) -> None:
    """A peer's helper that outlived it."""
    for pid in left:
        os.kill(pid, 9)


# arms -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """A set, and what the peers get of it."""

    name: str
    path: Path
    rows: int
    bytes: int


@dataclass(frozen=True)
class Arm:
    """A way to do the work."""

    tool: str
    rows: Rows
    workers: int
    command: tuple[str, ...]
    """Without the folder to write, which comes where it says OUT."""
    copies: Callable[[Path], set[int]]

    def __str__(self) -> str:
        return f"{self.tool}, {self.rows.name}, {self.workers} workers"


def counted(name: str, path: Path) -> Rows:
    """Reads the file once, so that no arm is the first to."""
    with path.open("rb") as file:
        return Rows(name, path, sum(1 for _ in file), path.stat().st_size)


def ours(rows: Rows, workers: int, extra: Sequence[str]) -> Arm:
    """The screen as a user starts it."""
    command = (sys.executable, "-m", "tuneward", "screen", str(rows.path), "--out", "OUT", "--workers", str(workers))
    return Arm(OURS, rows, workers, (*command, *extra), by_findings)


def theirs(python: str, rows: Rows, work: Path, workers: int) -> tuple[list[Arm], Flat]:
    """Those peers that this Python has."""
    parts = work / "parts"
    shutil.rmtree(parts, ignore_errors=True)
    given = flat(rows.path, parts)
    plain = Rows(rows.name, rows.path, given.rows, given.bytes)
    script = str(Path(__file__).with_name("speed_peers.py"))
    arms = []
    for name in versions(python, subprocess.run):
        command = (python, script, name, str(parts), "OUT", str(workers))
        arms.append(Arm(name, plain, workers, command, lambda out, peer=PEERS[name]: peer.copies(out, parts)))
    return arms, given


def timed(arm: Arm, work: Path) -> tuple[Row, set[int]]:
    """One run of one arm: its figures, and the rows that it names as copies of an earlier one.

    Raises:
        ValueError: it failed; what it said is kept.
    """
    out, log, load = work / "run", work / "run.log", os.getloadavg()[0]
    shutil.rmtree(out, ignore_errors=True)
    caches = {"HF_HOME": str(out / "hf"), "DATA_JUICER_CACHE_HOME": str(out / "juicer"), "HF_HUB_OFFLINE": "1"}
    used = watched(
        [str(out) if word == "OUT" else word for word in arm.command],
        log=log,
        environment={} if arm.tool == OURS else caches,
    )
    if used.exit not in (ENDS if arm.tool == OURS else (0,)):
        raise ValueError(f"{arm}: ended with {used.exit}; see {log}")
    workers = [mib for pid, mib in used.peaks.items() if pid]
    row: Row = {"tool": arm.tool, "set": arm.rows.name, "workers": arm.workers, "rows": arm.rows.rows}
    row |= {"bytes": arm.rows.bytes, "load_before": round(load, 2), "exit": used.exit, "processes": len(used.peaks)}
    row |= {"wall_s": round(used.wall_s, 2), "cpu_s": round(used.cpu_s, 2)}
    row |= {"worker_mib": round(max(workers), 1) if workers else None, "tree_mib": round(used.tree_mib, 1)}
    row |= {"coordinator_mib": round(used.peaks.get(0, 0), 1)}
    if arm.tool == OURS:
        row |= first_pass(log.read_text(errors="replace"), arm.rows.rows)
    found = arm.copies(out)
    shutil.rmtree(out)
    return row, found


def first_pass(told: str, rows: int) -> Row:
    """What the screen says of its first pass.

    Raises:
        ValueError: nothing, or another number of rows.
    """
    said = READ.search(told)
    if not said or int(said[1].replace(",", "")) != rows:
        raise ValueError(f"the screen says {said[0] if said else 'nothing'!r} of its first pass over {rows} rows")
    return {"first_s": float(said[2].replace(",", ""))}


# agreement ------------------------------------------------------------------------------------------------------------


def planted(rows: Rows) -> dict[str, list[list[int]]]:
    """Offsets of the planted copies by kind and group, in the order of the file."""
    path = rows.path.with_name("truth.jsonl")
    known: dict[str, dict[str, list[int]]] = {kind: {} for kind in COPIES}
    for fact in map(json.loads, path.read_text("utf-8").splitlines() if path.exists() else ()):
        if fact["class"] == "duplicate" and fact["variant"] in COPIES:
            known[fact["variant"]].setdefault(fact["parameters"]["of"], []).append(fact["offset"])
    return {kind: [sorted(group) for group in groups.values()] for kind, groups in known.items()}


def agreed(tool: str, found: set[int], own: set[int], known: Mapping[str, Sequence[Sequence[int]]]) -> Row:
    """Of one tool: planted copies named (the first of a group has no earlier copy), and rows named with and by us."""
    later = {kind: {row for group in groups for row in group[1:]} for kind, groups in known.items()}
    row: Row = {"tool": tool, "named": len(found), "tuneward": len(own), "both": len(found & own)}
    return row | {"planted": {kind: [len(found & rows), len(rows)] for kind, rows in later.items()}}


# the run --------------------------------------------------------------------------------------------------------------


def turns(arms: Sequence[Arm], repeats: int) -> Iterator[tuple[int, Arm]]:
    """Every arm once a round, each round beginning with another."""
    for turn in range(repeats):
        at = turn * (len(arms) // max(repeats, 1) or 1) % len(arms)
        yield from ((turn, arm) for arm in (*arms[at:], *arms[:at]))


def arms_of(options: argparse.Namespace) -> tuple[list[Arm], Flat | None]:
    """All arms of a run, and what the peers get."""
    sets = [counted("large", options.data), *([counted("small", options.small)] if options.small else [])]
    extra = [word for name in ("sensitive", "evaluation") if (given := getattr(options, name))
             for word in (f"--{name}", str(given))]  # fmt: skip
    arms = [ours(rows, workers, extra) for rows in sets for workers in sorted({options.workers, 1}, reverse=True)]
    if not options.peers:
        return arms, None
    chosen = next((rows for rows in sets if rows.name == options.peers_on), sets[0])
    peers, given = theirs(options.peers, chosen, options.out, options.workers)
    return [*arms, *peers], given


def run(options: argparse.Namespace) -> None:
    """Every arm in turn; figures are written after each, so a cut run leaves what it has."""
    options.out.mkdir(parents=True, exist_ok=True)
    before = code()
    arms, given = arms_of(options)
    results: Row = {"machine": machine(), "code": before, "versions": {OURS: version(OURS)}, "runs": []}
    if given:
        results["versions"] |= versions(options.peers, subprocess.run)
        results["peers_given"] = {"set": arms[-1].rows.name, **asdict(given)}
    named: dict[str, set[int]] = {}
    met = arms[-1].rows  # the set on which all tools meet
    known = planted(met)
    for turn, arm in turns(arms, options.repeats):
        row, found = timed(arm, options.out)
        results["runs"].append({"round": turn, **row})
        if arm.rows.name == met.name:
            named[arm.tool] = found
        if OURS in named:
            results["agreement"] = [agreed(tool, rows, named[OURS], known) for tool, rows in sorted(named.items())]
        write_atomic(options.json, to_json(results))
        print(f"round {turn + 1}, {arm}: {row['wall_s']} s, load {row['load_before']}", file=sys.stderr, flush=True)
    shutil.rmtree(options.out / "parts", ignore_errors=True)
    print(table(results))
    if code() != before:
        write_atomic(options.json, to_json(results | {"code": "changed during the run"}))
        raise ValueError("the screen's files changed during the run, so its figures are of no one version; run again")


def machine() -> Row:
    """Where it ran."""
    told = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = told[1] if told else platform.machine()
    return {"cpu": name, "cores": os.cpu_count(), "python": platform.python_version()}


def main() -> None:
    """Run, or print what a run left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    measure, shown = verbs.add_parser("run"), verbs.add_parser("table")
    for one in (measure, shown):
        one.add_argument("--json", type=Path, default=OUT)
    for name in ("data", "small", "out", "sensitive", "evaluation"):
        measure.add_argument(f"--{name}", type=Path, required=name in ("data", "out"))
    measure.add_argument("--peers", help="a Python that has the other tools")
    measure.add_argument("--peers-on", choices=("small", "large"), default="small")
    measure.add_argument("--repeats", type=int, default=3)
    measure.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.verb == "table":
        print(table(json.loads(options.json.read_bytes())))
        return
    try:
        run(options)
    except (ValueError, OSError) as error:
        raise SystemExit(f"speed.py: {error}") from None


if __name__ == "__main__":
    main()
