"""One arm of speed.py in a process of its own; prints the seconds of loading its libraries and those of the work.

    python bench/repair/speed_arm.py ARM TUNED BASE OUT BEGUN

BEGUN is the clock when the process was asked for. Libraries are imported by the arm that needs them.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

ALPHA = 0.6
BLOCK = 4 << 20


def ours() -> Callable[[Path, Path, Path], None]:
    """What the verb runs: the pair, WiSE-FT, the writer; checked, hashed, on the disk when it returns."""
    from tuneward.checkpoint.pair import pair_of
    from tuneward.checkpoint.writing import write
    from tuneward.repair.wise_ft import WiseFT

    def work(tuned: Path, base: Path, out: Path) -> None:
        pair = pair_of(tuned=tuned, base=base)
        done = write(pair, WiseFT(ALPHA)(pair), out)
        if done.changed < done.weights // 2:
            raise ValueError(f"{done.changed} of {done.weights} changed")

    return work


def naive() -> Callable[[Path, Path, Path], None]:
    """A file at a time with the library's own means: neither checked nor hashed nor forced to the disk."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    def work(tuned: Path, base: Path, out: Path) -> None:
        out.mkdir()
        for file in sorted(tuned.glob("*.safetensors")):
            with safe_open(file, "pt") as one, safe_open(base / file.name, "pt") as other:
                mixed = {
                    name: torch.lerp(other.get_tensor(name).float(), one.get_tensor(name).float(), ALPHA).bfloat16()
                    for name in one.keys()  # noqa: SIM118
                }
                save_file(mixed, out / file.name, metadata={"format": "pt"})

    return work


def floor(*, forced: bool = False) -> Callable[[Path, Path, Path], None]:
    """Read both, write one, with the blocks of ours and nothing else; also with everything forced to the disk."""

    def work(tuned: Path, base: Path, out: Path) -> None:
        out.mkdir()
        first, second = bytearray(BLOCK), bytearray(BLOCK)
        for file in sorted(tuned.glob("*.safetensors")):
            with (
                file.open("rb", 0) as one,
                (base / file.name).open("rb", 0) as other,
                (out / file.name).open("wb", 0) as to,
            ):
                while got := one.readinto(first):
                    other.readinto(second)
                    to.write(memoryview(first)[:got])
                if forced:
                    os.fsync(to.fileno())

    return work


ARMS: dict[str, Callable[[], Callable[[Path, Path, Path], None]]] = {
    "ours": ours,
    "naive stream": naive,
    "floor": floor,
    "floor, on disk": lambda: floor(forced=True),
}


def main() -> None:
    """Arm, tuned, base, out, begun."""
    name, tuned, base, out, begun = sys.argv[1:]
    work = ARMS[name]()
    loaded, used = time.monotonic(), time.process_time()
    work(Path(tuned), Path(base), Path(out))
    took = {"work_s": time.monotonic() - loaded, "work_cpu_s": time.process_time() - used}
    print(json.dumps({"start_s": loaded - float(begun), **took}))


if __name__ == "__main__":
    main()
