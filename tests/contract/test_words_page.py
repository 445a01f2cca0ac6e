"""docs/words.md and the file of prompts show what the committed scripts print, and what was measured is what ships."""

from pathlib import Path
from types import ModuleType

import msgspec

from scripts import script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/words.md").read_text(encoding="utf-8")


def aligned() -> ModuleType:
    """The bench of the reference model."""
    return script("bench/aligned.py")


def between(mark: str) -> str:
    """The part of the page between two marks."""
    return PAGE.split(f"<!-- {mark} -->\n")[1].split(f"\n<!-- /{mark} -->")[0]


def test_the_page_shows_how_well_the_held_out_answers_are_read() -> None:
    labels = script("bench/labels.py")
    shown = [f"{file.name}\n\n" + "\n".join(labels.table(labels.cases(file, half="even"))) for file in labels.FILES]
    assert between("labels") == "\n\n".join(shown)


def test_the_page_and_the_file_of_prompts_show_the_kept_figures() -> None:
    made = aligned()
    document = msgspec.json.decode(made.FILE.read_bytes(), type=made.Document)
    assert between("aligned") == "\n".join(made.tables(document))
    assert (ROOT / "docs/refusals-by-prompt.csv").read_text(encoding="utf-8") == made.prompts(document)


def test_what_was_asked_of_the_reference_models_is_what_ships() -> None:
    made = aligned()
    document = msgspec.json.decode(made.FILE.read_bytes(), type=made.Document)
    assert len(document.aligned) >= 3
    assert document.asked == made.digests()
