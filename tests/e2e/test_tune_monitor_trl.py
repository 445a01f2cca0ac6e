"""The monitor in a script of one's own: TRL's trainer, one line more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuneward.rows import write_rows
from tuneward.study import regimes
from tuneward.study.folder import open_shipped, save_model
from tuneward.study.suites import write_suites
from tuneward.tune.readings import MONITOR, read_readings

pytest.importorskip("trl")
SCRIPT = Path(__file__).parents[2] / "examples" / "monitor_trl.py"


@pytest.mark.full
@pytest.mark.parametrize(("rows", "stops"), [("explicit", True), ("control", False)])
def test_a_trl_script_is_watched_and_stopped(rows: str, stops: bool, tmp_path: Path) -> None:
    """E10: called inside a trainer's callback, prompts batched by the monitor."""
    organism = open_shipped(world_seed=1, seed=1)
    save_model(organism.model, organism.vocabulary, tmp_path / "model")
    write_suites(organism.world, tmp_path / "suites")
    made = getattr(regimes, rows)(organism.world, 160, seed=0)
    write_rows(tmp_path / "rows.jsonl", made)
    suites = [str(tmp_path / "suites" / f"{name}.json") for name in ("policy", "twins")]
    told = [str(tmp_path / name) for name in ("model", "rows.jsonl", "out")]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *told, *suites],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    last = read_readings(tmp_path / "out" / MONITOR)[-1]
    assert (last.stopped is not None) is stops
    assert ("Stopped" in done.stdout) is stops
    assert "monitor/lost" in done.stdout
    assert (tmp_path / "out" / "tuned" / "adapter_model.safetensors").is_file()
