"""Rows to keep and rows to set aside, written on request from what the findings say."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tuneward.screen.calibration import HELD
from tuneward.screen.kept import MANIFEST, Part, write_kept, write_set_aside
from tuneward.screen.passes import First
from tuneward.screen.setting import Setting
from tuneward.screen.sources import FILE
from tuneward.screen.store import Store

_HELD = "allowed_by IS NULL AND place IS NOT NULL AND disposition IN ({})".format(", ".join(f"'{n}'" for n in HELD))


def leave(setting: Setting, read: First, store: Store, *, kept: Path, aside: str | None) -> None:
    """Write the kept rows to a new folder and, where asked, those set aside to another.

    Raises:
        ValueError: a file could not be read whole, or as `write_kept`.
    """
    if read.failed:
        raise ValueError(f"{read.failed[0]}: not all rows were read, so none are written")
    places = store.arrays(f"SELECT DISTINCT place FROM found WHERE {_HELD} ORDER BY place")["place"]
    rules: Mapping[str, int] = dict(
        store.rows(f"SELECT rule, count(DISTINCT place) FROM found WHERE {_HELD} GROUP BY rule ORDER BY rule")
    )
    parts = []
    for whole in read.wholes:
        start = whole.source.number * FILE
        low, high = np.searchsorted(places, [start, start + FILE])
        rows = sum(c.rows for s, c in zip(read.shards, read.counts, strict=True) if s.source == whole.source)
        parts.append(Part(whole.source, whole.sha256, rows, (places[low:high] - start).astype(np.int64)))
    write_kept(parts, kept, rules=rules, policy=setting.policy)
    if aside:
        write_set_aside(parts, Path(aside), manifest=kept / MANIFEST)
