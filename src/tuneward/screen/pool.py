"""The same work on every shard, wherever it runs: in this process, in others on this machine, or on a Ray cluster.

A task writes its result as a whole or not at all and is idempotent, so a task that ran twice is no harm, and one that
was killed is run again.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Done(Generic[T, R]):
    """A task and what came of it."""

    task: T
    result: R | None
    error: str | None
    """Why the task's file could not be read; a crash is raised instead."""


class Executor(Protocol):
    """Where tasks run."""

    def __call__(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[Done[T, R]]:
        """Every task once, in whatever order they end."""
        ...


class Local:
    """This machine: one process for each worker, begun once and used for every step."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Local":
        if self._workers > 1:
            context = multiprocessing.get_context("spawn")  # inherits nothing, so it is the same everywhere
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context)
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def __call__(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[Done[T, R]]:
        """With one worker in this process.

        Raises:
            ValueError: a worker was killed.
        """
        if self._pool is None:
            yield from (_attempt(work, task) for task in tasks)
            return
        try:
            waiting = [self._pool.submit(_attempt, work, task) for task in tasks]
            for future in as_completed(waiting):
                yield future.result()
        except BrokenProcessPool:
            raise ValueError(
                "a worker process was killed, most likely for want of memory; the same words go on from the last "
                "finished shard, --workers 1 needs least"
            ) from None


class OnRay:
    """A Ray cluster; the data and the output folder have the same paths on every node."""

    def __init__(self, address: str) -> None:
        self._address = None if address == "local" else address

    def __enter__(self) -> "OnRay":
        import ray

        ray.init(address=self._address, log_to_driver=False, logging_level="ERROR")
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        ray.shutdown()

    def __call__(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[Done[T, R]]:
        """As plain tasks of one core each; a lost node's tasks are run again by Ray."""
        import ray

        remote = ray.remote(num_cpus=1, max_retries=3)(_attempt)
        waiting = [remote.remote(work, task) for task in tasks]
        while waiting:
            ready, waiting = ray.wait(waiting, num_returns=1)
            yield from ray.get(ready)


def _attempt(work: Callable[[T], R], task: T) -> Done[T, R]:
    """An unreadable file is a result; anything else is a crash and goes up."""
    try:
        return Done(task, work(task), None)
    except (ValueError, OSError) as error:
        return Done(task, None, " ".join(str(error).split()))
