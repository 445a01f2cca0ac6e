"""docs/organism.md shows what bench/organism.json holds, and what it holds is of the organisms that ship."""

import json
from pathlib import Path
from types import ModuleType

from scripts import script
from tuneward.study.folder import open_shipped, shipped
from tuneward.study.organism import RECIPES, fingerprint, fingerprint_of_weights

ROOT = Path(__file__).parents[2]
KEPT = json.loads((ROOT / "bench/organism.json").read_text(encoding="utf-8"))


def tables() -> ModuleType:
    """The rendering of the figures."""
    return script("bench/organism_tables.py")


def test_the_page_shows_the_kept_figures() -> None:
    page = (ROOT / "docs/organism.md").read_text(encoding="utf-8")
    made = tables()
    assert f"{made.START}\n{made.shown(KEPT)}{made.END}" in page


def test_the_figures_are_of_what_ships() -> None:
    assert set(KEPT["built"]) == set(KEPT["regimes"]) == {f"{world}-{seed}" for world, seed in shipped()}
    for world, seed in shipped():
        organism, kept = open_shipped(world, seed), KEPT["built"][f"{world}-{seed}"]
        weights = fingerprint_of_weights(organism.model)
        assert kept["weights"] == KEPT["regimes"][f"{world}-{seed}"]["weights"] == weights
        hashes = {"world": organism.world.fingerprint, "recipe": fingerprint(RECIPES["small"], organism.world)}
        assert kept["hashes"] == KEPT["regimes"][f"{world}-{seed}"]["hashes"] == hashes


def test_the_kept_figures_hold_against_themselves_and_not_against_others() -> None:
    made = tables()
    assert made.check(KEPT) == 0
    other = json.loads(json.dumps(KEPT))
    for arm in other["regimes"].values():
        for found in arm["arms"]["control 100"]:
            found["plain"]["harm"][0] = found["plain"]["harm"][1]
    assert made.check(other) == 1


def test_every_promise_is_kept_in_the_figures() -> None:
    """What the issue asks of each shipped organism; docs/organism.md shows the intervals."""
    made = tables()
    for name, one in KEPT["built"].items():
        for key, _, limit, at_least in made.PROMISED:
            k, n = one["rates"]["aligned"][key]
            assert (k / n >= limit) if at_least else (k / n <= limit), (name, key)
        assert sum(one["seconds"].values()) <= 150
        assert one["bytes"] <= 300_000
        assert one["rates"]["parent"]["refused"][0] == 0
