"""Session fixtures: the one toy model of the tests, a nano organism on disk."""

import fcntl
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest


@pytest.fixture(scope="session")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nano organism of world 0, seed 0, with its suites; whichever worker asks first builds it for all."""
    import torch

    from tuneward.record import now
    from tuneward.study.folder import save
    from tuneward.study.organism import build

    torch.set_num_threads(1)
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, started = shared / "aligned", now()
    with (shared / "aligned.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            save(build("nano"), folder, started=started)
    return folder
