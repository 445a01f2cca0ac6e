"""Logs of other tools: real ones in golden/logs, small ones written here, and what a comparison found in them."""

import json
from pathlib import Path

from tuneward import compare
from tuneward.compare import CompareOptions
from tuneward.findings import Audit, Axis
from tuneward.results import Judged

LOGS = Path(__file__).parent / "golden" / "logs"
LM, GARAK, INSPECT = LOGS / "lm_eval", LOGS / "garak", LOGS / "inspect"
NUMBER = "exact_match,number"
WRONG = "It is one less than that, as far as anybody here can tell."
RIGHT = "It is just what the sum says, no more and no less than that."


def compared(a: Path, b: Path, **options) -> Judged:
    return compare.run(CompareOptions(a=str(a), b=str(b), **options))


def axis_of(audit: Audit, name: str) -> Axis:
    return next(axis for axis in audit.axes if axis.name == name)


def counts(found: Judged, name: str = "own") -> tuple[int, int, int]:
    difference = axis_of(found.audit, name).difference
    return difference.n, difference.lost, difference.gained


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def inspect_log(path: Path, values: dict[str, object], *, answers: dict[str, str | None] | None = None) -> Path:
    """Sample id → value of the scorer `graded`; an answer of None is a sample that ended in an error."""
    samples = []
    for name, value in values.items():
        answer = (answers or {}).get(name, RIGHT)
        output = {"choices": [{"message": {"role": "assistant", "content": answer}}]} if answer is not None else {}
        scores = {} if value == "missing" else {"graded": value if isinstance(value, dict) else {"value": value}}
        samples.append({"id": name, "epoch": 1, "input": f"Sum {name}?", "output": output, "scores": scores})
    return write(path, {"version": 2, "status": "success", "eval": {"task": "sums"}, "samples": samples})


def promptfoo_log(path: Path, passed: list[bool | None], *, kind: str = "equals", version: int = 3) -> Path:
    """None: the assertion's own judge broke."""
    results = [
        {
            "testIdx": place,
            "promptIdx": 0,
            "provider": {"id": "echo"},
            "prompt": {"raw": f"Sum {place}?", "label": "sum"},
            "vars": {"n": place},
            "testCase": {"vars": {"n": place}, "metadata": {"pluginId": "sums"}},
            "response": {"output": RIGHT if one else WRONG},
            "success": bool(one),
            "failureReason": 0 if one else 1,
            "gradingResult": {
                "pass": bool(one),
                "metadata": {"graderError": True} if one is None else {},
                "componentResults": [{"pass": bool(one), "assertion": {"type": kind}}],
            },
        }
        for place, one in enumerate(passed)
    ]
    return write(path, {"evalId": "e", "results": {"version": version, "results": results, "stats": {}}, "config": {}})


def garak_log(path: Path, hits: list[dict[str, list]], *, status: int = 2) -> Path:
    setup = {"entry_type": "start_run setup", "run.eval_threshold": 0.5}
    rows = [
        {
            "entry_type": "attempt",
            "uuid": f"{path.stem}-{place}",
            "seq": place,
            "status": status,
            "probe_classname": "test.Test",
            "prompt": {"turns": [{"role": "user", "content": {"text": f"Sum {place}?"}}]},
            "outputs": [{"text": RIGHT} for _ in next(iter(found.values()), [0.0])],
            "detector_results": found,
        }
        for place, found in enumerate(hits)
    ]
    return write_lines(path, [setup, *rows])
