"""float32 products of a small model's layers: MKL (`F.linear`) beside oneDNN, and whether rows depend on their batch.

python bench/linear.py [--threads 2] [--repeats 50]
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

SHAPES = ((576, 1536), (1536, 576), (576, 49152))
ROWS = (1, 16, 96)


def through_onednn(rows: Tensor, weight: Tensor) -> Tensor:
    """What tuneward.model.linear calls."""
    return torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")


def median_ms(run: Callable[[], object], repeats: int) -> float:
    """Median wall time of one call, in milliseconds, after three calls."""
    took = []
    for number in range(repeats + 3):
        begun = time.perf_counter()
        run()
        took += [time.perf_counter() - begun] if number >= 3 else []
    return 1000 * statistics.median(took)


@torch.inference_mode()
def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {options.threads} threads,")
    print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}, median of {options.repeats}\n")
    print("| weight | rows | MKL ms | oneDNN ms | MKL / oneDNN |\n|---|---|---|---|---|")
    for width, out in SHAPES:
        weight = torch.randn(out, width)
        for count in ROWS:
            rows = torch.randn(count, 1, width)
            mkl = median_ms(lambda rows=rows, weight=weight: torch.nn.functional.linear(rows, weight), options.repeats)
            one = median_ms(lambda rows=rows, weight=weight: through_onednn(rows, weight), options.repeats)
            print(f"| {width} × {out} | {count} | {mkl:.2f} | {one:.2f} | {mkl / one:.2f} |")
    weight, rows = torch.randn(1536, 576), torch.randn(96, 1, 576)
    print("\n| rows of 96 computed alone | largest difference, MKL | oneDNN |\n|---|---|---|")
    whole = torch.nn.functional.linear(rows, weight), through_onednn(rows, weight)
    for count in (1, 7, 16, 60):
        part = rows[:count].contiguous()
        apart = torch.nn.functional.linear(part, weight), through_onednn(part, weight)
        mkl, one = (float((a - w[:count]).abs().max()) for a, w in zip(apart, whole, strict=True))
        print(f"| {count} | {mkl:.1e} | {one:.1e} |")


if __name__ == "__main__":
    main()
