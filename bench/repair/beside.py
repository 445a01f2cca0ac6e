"""The scripts of bench/tune under other names, since some of this folder's have the same."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TUNE = Path(__file__).resolve().parents[1] / "tune"


def tuning(name: str) -> ModuleType:
    """A script of bench/tune, loaded once."""
    alias = f"tune_{name}"
    if alias in sys.modules:
        return sys.modules[alias]
    if str(TUNE) not in sys.path:
        sys.path.append(str(TUNE))  # behind this folder: what it imports itself has names that only it has
    spec = importlib.util.spec_from_file_location(alias, TUNE / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{TUNE / name}.py: no such script")
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
