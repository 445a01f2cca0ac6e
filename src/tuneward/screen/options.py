"""The screen's settings. Apart from the verb, so that `screen --help` loads no library of it."""

import re
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

PIECE = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True, kw_only=True)
class ScreenOptions:
    """Read a fine-tuning set once; say which rows could hurt a model's safety, what the set as a whole does, and what
    was not looked at."""

    data: Annotated[Positional[str], arg(metavar="DATA")]
    """Rows in any chat format: .jsonl (also .gz, .zst), .json, .csv, .parquet, or a folder of them."""
    out: Annotated[str | None, arg(aliases=["-o"])] = None
    """Folder to write; NAME-screen unless given."""
    mask: str = "unknown"
    """Whose loss mask applies, for what is not trained on weighs less: all, assistant, trl, trl-assistant, axolotl,
    llama-factory, llama-factory-last, openai, together, fireworks, or a trainer's own YAML file. unknown: everything
    counts as trained."""
    columns: str | None = None
    """What the columns of a format of your own hold, such as prompt=question,answer=answer."""
    policy: str | None = None
    """Policy file with a [screen] table: limits, dispositions, an allow-list; the shipped limits without it."""
    evaluation: tuple[str, ...] = ()
    """Your evaluation sets, to be looked for in the rows beside tuneward's own: files or folders of rows."""
    sensitive: str | None = None
    """Words that mark sensitive requests, one phrase a line under [category] headings; the shipped list without it."""
    calibration: str | None = None
    """calibration.json of a screen of your own clean rows: how often each rule alarms there."""
    calibrate: bool = False
    """Take DATA as clean rows: every finding is a false alarm, and calibration.json says how many there were."""
    workers: int = 0
    """Processes on this machine; 0: one for each core."""
    shard_mb: int = 16
    """Size of a shard, the piece that is done or not done when a run is cut."""
    shard: str | None = None
    """I/N: do only every N-th shard, the I-th of them (from 0), as one of N jobs over one output folder; run once more
    without it for the report."""
    ray: str | None = None
    """Run the shards as tasks of a Ray cluster: its address, auto, or local."""
    include_text: bool = False
    """Put the words themselves into findings; personal data and secrets stay out."""
    write_kept: str | None = None
    """New folder for the rows that are not set aside, in the input's own format, with a manifest."""
    write_set_aside: str | None = None
    """New folder for the rows that are set aside, in their own order; recorded in the manifest."""

    def __post_init__(self) -> None:
        if not 1 <= self.shard_mb <= 1024:
            raise ValueError(f"shard-mb is {self.shard_mb}; expected 1 to 1024")
        if self.workers < 0:
            raise ValueError(f"workers is {self.workers}; expected 0 or more")
        if self.shard is not None:
            found = PIECE.fullmatch(self.shard)
            if not found or int(found[1]) >= int(found[2]):
                raise ValueError(f"shard is {self.shard!r}; expected I/N with I from 0 to N - 1, such as 0/4")
            if self.ray:
                raise ValueError("shard and ray: two ways to spread the work; give one")
        if self.write_set_aside and not self.write_kept:
            raise ValueError("write-set-aside needs --write-kept: the two files together are the input")
        if self.calibrate and self.calibration:
            raise ValueError("calibrate and calibration: rows that are taken as clean need no calibration; give one")
