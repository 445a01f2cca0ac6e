"""What the tuned model's README says of how it came about: one section, written anew by each run, the rest untouched.

It holds figures, settings and digests, and no word of a row. What its owner must say himself is a template with blanks.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from tuneward.outputs.markdown import escaped
from tuneward.outputs.sections import with_section
from tuneward.record import write_atomic
from tuneward.text import NAME, NONE, plain, shorten
from tuneward.tune.job import Defence, Job
from tuneward.tune.options import TuneOptions

CARD, WATCHED = "README.md", "monitor.jsonl"
SHOWN = 12
"""Figures of the monitor that are shown."""
UNTESTED = """### What was not tested

Tuning tests nothing. Whether the model still declines what it should, whether it declines more than it should, what it
does under other templates, in other languages, in later turns or behind a trigger, and what its training rows hold is
not known from this section. Figures of a monitor, where there are any, choose and stop; they do not clear a model. Ask
the model and its base, and read what is listed there as not tested:

    tuneward audit OUT --base BASE --rows DATA"""
TERMS = """### Terms of use and attestation (template)

*Fill in the blanks or take this part out. It is no legal advice, and nobody has signed it.*

This model is meant for [purpose] and for [users]. It is not meant for [uses that are ruled out]. Whoever passes it on
passes on this card and the audit it names. It comes as it is; questions and reports go to [contact].

For [organisation], on [date], I confirm:

- [ ] The rows named above were ours to train on: [licence or contract], with personal data on the ground of [ground].
- [ ] They were screened before training: [screen report and its date].
- [ ] The model was audited against its base after the last change of its weights: [audit report and its date].
- [ ] What was not tested, and what was waived and by whom, is known to those who use it: [where it stands].
- [ ] I claim no more than these reports say. None of them shows that the model does no harm.

[name], [role], [signature]"""


@dataclass(frozen=True)
class Facts:
    """What is said of a run."""

    options: TuneOptions
    job: Job
    """As it was learnt."""
    defences: Sequence[Defence]
    inputs: Mapping[str, str]
    """Name → digest, of the rows and of the model."""
    steps: int


def write_card(folder: Path, facts: Facts) -> Path:
    """The model's README with our section at its end, in place of an older one; what else it holds stays.

    Raises:
        ValueError: the README or the monitor's file in the folder is no text that can be read.
    """
    path = folder / CARD
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# {_name(folder.resolve().name)}\n"
    write_atomic(path, with_section(text, "tune", section(facts, _readings(folder / WATCHED))).encode())
    return path


def section(facts: Facts, watched: Sequence[Mapping[str, Any]] = ()) -> str:
    """Our section; `watched` are the monitor's lines, first to last."""
    parts = [
        "## How it was tuned",
        "Written by tuneward from the run itself; `record.json` beside it has every setting.",
        _table("what | value", [*_facts(facts), *_ended(watched)]),
        "### Defences",
        "\n".join(_defences(facts.defences)),
        *(_watching(watched) if watched else ()),
        UNTESTED,
        TERMS,
    ]
    return "\n\n".join(parts)


def _facts(facts: Facts) -> Iterator[tuple[str, str]]:
    options, settings = facts.options, facts.job.settings
    yield "base model", f"{_name(options.model)}, weights {_digest(facts.inputs.get(options.model))}"
    yield "trained", "all weights" if options.full else _adapter(options)
    yield "rows", f"{_name(options.data)}, SHA-256 {_digest(facts.inputs.get(options.data))}"
    parts = facts.job.parts()
    yield "rows by part", ", ".join(f"{count:,} {_name(part)}" for part, count in parts.items()) or NONE
    yield (
        "learnt of a row",
        {"assistant": "all assistant turns", "last": "the last turn", "all": "every token"}[options.mask],
    )
    yield "steps planned", f"{facts.steps:,} of {settings.batch:,} rows"
    yield "highest rate", f"{settings.rate:g}"
    yield "first decay, seed", f"{settings.beta1:g}, {settings.seed}"
    if facts.job.rendering.deploy is not None:
        yield "to be run under", "the system prompt that stands in this folder"


def _adapter(options: TuneOptions) -> str:
    alpha = options.alpha if options.alpha is not None else 2.0 * options.rank
    return f"a LoRA adapter, rank {options.rank}, scale {alpha:g}"


def _defences(defences: Sequence[Defence]) -> Iterator[str]:
    if not defences:
        yield "None: plain fine-tuning."
    for one in defences:
        yield f"- {_name(type(one).__name__)}" + (f": {settings}" if (settings := _settings(one)) else "")


def _settings(defence: Any) -> str:
    return ", ".join(f"{escaped(field.name)} {_value(getattr(defence, field.name))}" for field in fields(defence))


def _value(value: Any) -> str:
    if value is None or value in ((), "", {}):
        return NONE
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else _name(str(value))


def _name(text: str) -> str:
    """A name from outside as itself on one short line; of a place on this machine only its last part."""
    path = Path(os.path.expanduser(text))  # which leaves ~NAME of nobody as it is
    if len(text) < 4096 and "\0" not in text and (path.is_absolute() or path.exists()):
        text = path.resolve().name
    return escaped(shorten(plain(text), NAME))


def _digest(found: str | None) -> str:
    return escaped(found) if found else NONE


def _watching(watched: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """First and last reading of each figure."""
    first, last = (dict(_figures(one)) for one in (watched[0], watched[-1]))
    yield "### What the monitor saw"
    yield f"{len(watched):,} readings of first tokens, at steps {_step(watched[0])} to {_step(watched[-1])}."
    names = [name for name in last if name in first][:SHOWN]
    rows = ((escaped(name), f"{first[name]:.4g} → {last[name]:.4g}") for name in names)
    yield _table("figure | first → last", rows)
    broken = sum(bool(one.get("broken")) for one in watched)
    if broken:
        yield f"{broken:,} of them were beyond a limit."


def _ended(watched: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """That a limit ended the run, and whose weights these are."""
    stopped = watched[-1].get("stopped") if watched else None
    if isinstance(stopped, Mapping):
        limits = ", ".join(_name(str(one)) for one in stopped.get("limits") or ())
        of = _name(str(stopped.get("weights", NONE)))
        yield (
            "ended early",
            f"at step {_step(watched[-1])} by the monitor ({limits}); the weights are those of step {of}",
        )


def _step(reading: Mapping[str, Any]) -> str:
    return _name(str(reading.get("step", NONE)))


def _figures(reading: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Figure → value; a figure is a number, or a value with its interval."""
    for name, found in (reading.get("figures") or {}).items():
        value = found.get("value") if isinstance(found, Mapping) else found
        if isinstance(value, int | float):
            yield name, float(value)


def _readings(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        lines = msgspec.json.Decoder(dict[str, Any]).decode_lines(path.read_bytes())
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: not the monitor's lines ({error}); move it away, and run again") from error
    return [line for line in lines if "figures" in line]  # the first line says what is read, and has none


def _table(head: str, rows: Any) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join([f"| {head} |", "|---|---|", *lines])
