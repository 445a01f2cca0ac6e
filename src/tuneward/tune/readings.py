"""What the monitor is told and what it writes: settings, and the lines of monitor.jsonl. Loads no model library."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tuneward.stats.figure import Figure

MONITOR = "monitor.jsonl"
SCOPE = "first tokens only: ranks and warns, certifies nothing"
SUITES = ("policy-dev", "twins-dev")
"""In other words than the suites that certify, which must not be looked at while a model is chosen."""
Every = int | Literal["auto", "off"]


@dataclass(frozen=True, kw_only=True)
class How:
    """How a run is watched."""

    every: Every = "auto"
    """Steps between readings; auto: as many as let all of them take 3 % of the time, with limits four at least."""
    prompts: int = 24
    """Requests, and as many look-alikes; half of them again as the rows ask."""
    suites: tuple[str, ...] = SUITES
    """Where they come from; at least one of the axis refusal and one of twins."""
    after: int = 2
    """Readings in a row beyond a limit that end the run; at the last step one is enough."""
    on_stop: Literal["end", "roll-back"] = "roll-back"
    """Leave the weights as they are, or put back those of the last reading within all limits."""
    stop_if: tuple[str, ...] = ()
    """Limits, such as lost>0.1; none: the run is only watched."""

    def __post_init__(self) -> None:
        for name, value in (("prompts", self.prompts), ("after", self.after)):
            if value < 1:
                raise ValueError(f"monitor: {name} is {value}; expected 1 or more")
        if isinstance(self.every, int) and self.every < 1:
            raise ValueError(f"monitor: every {self.every} steps; expected 1 or more, auto or off")


@dataclass(frozen=True)
class Stopped:
    """Why and how a run was ended."""

    limits: tuple[str, ...]
    weights: int
    """Step whose weights the model has: that of the last reading within all limits, or the last step made."""


@dataclass(frozen=True)
class Reading:
    """A line of monitor.jsonl."""

    step: int
    every: int | None
    """Steps between readings, once that is known."""
    seconds: float
    figures: dict[str, Figure]
    broken: tuple[str, ...] = ()
    """Limits."""
    stopped: Stopped | None = None


@dataclass(frozen=True)
class Header:
    """The first line."""

    scope: str
    prompts: int
    own: int
    """Prompts that are asked again as the rows ask."""
    stop_if: tuple[str, ...]
    refusing: tuple[str, ...]
    """First tokens that count as those of refusals."""
    complying: tuple[str, ...]
    off: str = ""
    """Why figures are missing."""
    schema: str = "tuneward/monitor/1"


def read_readings(path: Path) -> list[Reading]:
    """Of a run's monitor.jsonl, in order.

    Raises:
        ValueError: a line is none of ours; the message names file and line.
    """
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            if number > 1:
                found.append(msgspec.json.decode(line, type=Reading))
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}:{number}: not a reading of the monitor ({error})") from error
    return found
