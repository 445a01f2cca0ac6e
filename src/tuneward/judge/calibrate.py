"""judge calibrate: judges held against people's labels, and kept for every later use of the same judge."""

import shlex
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tuneward.chat import Arm
from tuneward.findings import Agreed, Audit
from tuneward.judge.calibration import Calibrated, alike, keep
from tuneward.judge.labelled import ErrorRates, Labelled, error_rates, kappa_of
from tuneward.judge.options import CalibrateOptions, JudgeOptions
from tuneward.judge.run import SaidOf
from tuneward.judge.sheet import KEY, Key, Shown
from tuneward.record import Record, read_json, read_jsonl, sha256_file
from tuneward.results import JUDGED, REPLIES, SAID, read_audit
from tuneward.rows.csv_files import read_csv
from tuneward.stats.judge_error import MIN_LABELS, SameError
from tuneward.stats.two_phase import Estimate
from tuneward.text import chance, percent, share_interval

ARMS: tuple[Arm, Arm] = ("base", "tuned")
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "harmful": "harmful",
        "1": "harmful",
        "有害": "harmful",
        "benign": "benign",
        "0": "benign",
        "无害": "benign",
        "unclear": "unclear",
        "不清楚": "unclear",
    }
)
"""What a label may say."""
NAMED = ("everything", "control", "language", "template", "retries", "seed", "cache_dir")
"""Settings of `judge run` that decide which verdicts are asked for and where calibrations are."""


@dataclass(frozen=True)
class Labels:
    """What people said."""

    harmful: Mapping[str, bool]
    """Id on the sheet → whether the answer is harmful, where they could tell."""
    unclear: frozenset[str]
    empty: int
    """Ids without a label."""


@dataclass(frozen=True)
class Told:
    """A judge, and the labelled replies on which it gave a verdict."""

    identity: str
    kind: str
    arms: Mapping[Arm, Sequence[Labelled]]
    texts: Sequence[Labelled]
    """Both arms together, each text once."""


def run(options: CalibrateOptions) -> list[str]:
    """Calibrate every judge of the audit, and the panel; what was found, as lines.

    Raises:
        FileNotFoundError: no audit, no verdicts, no key, or no labels.
        ValueError: labels that are not those of the sheet or that cannot be read, or no verdict on any of them.
    """
    folder, path = Path(options.folder), Path(options.labels)
    audit, key = read_audit(folder), read_json(folder / KEY, Key)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected the sheet of `tuneward judge sheet`, labelled")
    if (folder / REPLIES).is_file() and sha256_file(folder / REPLIES) != key.replies:
        raise ValueError(f"{folder / KEY}: belongs to other replies than the folder holds; draw a new sheet")
    labels, said = labels_of(path, key.rows), read_jsonl(folder / SAID, SaidOf)
    judges = {name: score.scorer.partition(":")[0] for line in said for name, score in line.verdicts.items()}
    cache, sheet, lines = Path(options.cache_dir).expanduser(), sha256_file(path), [_counted(labels, key)]
    found = []
    for identity, kind in judges.items():
        told = told_of(identity, kind, said=said, rows=key.rows, labels=labels)
        if not told.texts:
            raise ValueError(
                f"{folder / SAID}: {kind}:{identity[:12]} gave no verdict on any labelled reply; label more"
            )
        found.append(calibrated_of(told, audit=audit, unclear=len(labels.unclear), sheet=sheet))
    for one in found:  # not before all of them are known to be sound
        lines += [_name(one, audit), *lines_of(one), f"  kept in {keep(cache, one)}"]
    return [*lines, f"corrected rates, without asking again: {again(folder)}"]


def calibrated_of(told: Told, *, audit: Audit, unclear: int = 0, sheet: str = "") -> Calibrated:
    """What the labels say of a judge."""
    found = {arm: error_rates(told.arms[arm]) for arm in ARMS}
    counts = {arm: calibration for arm, (_, calibration) in found.items()}
    between = f"{told.kind}:{told.identity[:12]} / people"
    return Calibrated(
        identity=told.identity,
        kind=told.kind,
        arms=counts,
        pooled=error_rates(told.texts)[1],
        rates={arm: rates for arm, (rates, _) in found.items()},
        kappa={arm: kappa_of(told.arms[arm], between=between) for arm in ARMS},
        alike=alike(counts),
        models={arm: audit.arms[arm].weights for arm in ARMS},
        labels=sheet,
        unclear=unclear,
    )


def told_of(identity: str, kind: str, *, said: Sequence[SaidOf], rows: Mapping[str, Shown], labels: Labels) -> Told:
    """Labels beside a judge's verdicts, every text once an arm, weighted by the pairs behind it over its chance."""
    verdicts = {(line.suite, line.id, line.arm): line.verdicts.get(identity) for line in said}
    arms: dict[Arm, list[Labelled]] = {arm: [] for arm in ARMS}
    texts = []
    for name, harmful in labels.harmful.items():
        shown = rows[name]
        weights: dict[tuple[Arm, bool], float] = defaultdict(float)
        for reply in shown.replies:
            score = verdicts.get((reply.suite, reply.id, reply.arm))
            if score is not None and score.value is not None:
                weights[reply.arm, score.value >= 0.5] += reply.weight / shown.inclusion
        for (arm, flagged), weight in weights.items():
            arms[arm].append(Labelled(weight, harmful, flagged))
        for verdict in sorted({flagged for _, flagged in weights}):
            whole = sum(weight for (_, flagged), weight in weights.items() if flagged == verdict)
            texts.append(Labelled(whole, harmful, verdict))
    return Told(identity, kind, arms, texts)


def labels_of(path: Path, rows: Mapping[str, Shown]) -> Labels:
    """The labels of a sheet whose key has these rows; all of them where at least half are filled in.

    Raises:
        ValueError: `file:line`: other columns, an id that is not on the sheet, one with two labels, a word that is no
            label, or too many without one.
    """
    given: dict[str, str] = {}
    bare: dict[str, int] = {}
    for line, row in read_csv(path):
        if not {"id", "label"} <= row.keys():
            names = ", ".join(row) or "none"
            raise ValueError(f"{path}:1: columns are {names}; expected id and label among them, between commas")
        name, word = _folded(row["id"]), _folded(row["label"])
        if not any(str(value).strip() for value in row.values()):
            continue
        if name not in rows:
            raise ValueError(
                f"{path}:{line}: id {row['id']!r} is not on the sheet of this audit; expected its own sheet"
            )
        if not word:
            bare.setdefault(name, line)
        elif word not in WORDS:
            raise ValueError(f"{path}:{line}: label {row['label']!r}; expected harmful, benign or unclear")
        elif given.setdefault(name, WORDS[word]) != WORDS[word]:
            raise ValueError(f"{path}:{line}: id {row['id']!r} has two labels, {given[name]} and {WORDS[word]}")
    empty = len(rows) - len(given)
    if 2 * empty > len(rows):
        first = min((line for name, line in bare.items() if name not in given), default=1)
        raise ValueError(
            f"{path}:{first}: {empty} of {len(rows)} answers have no label; expected one for half at least"
        )
    harmful = {name: word == "harmful" for name, word in given.items() if word != "unclear"}
    return Labels(harmful, frozenset(given.keys() - harmful.keys()), empty)


def _folded(value: Any) -> str:
    """As people meant it: full-width letters, case and space around it do not count."""
    return unicodedata.normalize("NFKC", str(value)).strip().casefold()


def _counted(labels: Labels, key: Key) -> str:
    told, harmful = len(labels.harmful), sum(labels.harmful.values())
    left = f"; {labels.empty} without a label count as not labelled" if labels.empty else ""
    words = f"{harmful} harmful, {told - harmful} benign, {len(labels.unclear)} unclear"
    return f"{told + len(labels.unclear)} of {len(key.rows)} answers labelled: {words}{left}"


def _name(found: Calibrated, audit: Audit) -> str:
    """Kind and identity, and the model behind it; a panel has none."""
    judges = audit.harm.judges if audit.harm else ()
    model = next((judge.name for judge in judges if judge.identity == found.identity), "")
    return f"{found.kind}:{found.identity[:12]} {model}".rstrip()


def lines_of(found: Calibrated) -> list[str]:
    """Its error rates, an arm a line, and whether they are the same on both."""
    return [*(_arm(arm, found.rates[arm], found.kappa[arm]) for arm in ARMS), f"  {_same(found.alike)}"]


def _arm(arm: Arm, rates: ErrorRates, kappa: Agreed) -> str:
    agreed = kappa.value
    value = "–" if agreed.value is None else f"{agreed.value:.2f}"
    return (
        f"  {arm:<5}  Se {_rate(rates.sensitivity)}, {rates.harmful} harmful"
        f" · Sp {_rate(rates.specificity)}, {rates.others} benign"
        f" · κ {value} [{agreed.low:.2f}, {agreed.high:.2f}], {kappa.replies} answers"
    )


def _rate(rate: Estimate) -> str:
    return f"{percent(rate.value)} {share_interval(rate.low, rate.high)}"


def _same(alike: SameError) -> str:
    """The verdict on equal errors with what it rests on."""
    if alike.verdict == "not testable":
        (base, tuned), (base_others, tuned_others) = alike.positives, alike.negatives
        return (
            f"same errors on both arms: not testable; worth {base} and {tuned} harmful, {base_others} and "
            f"{tuned_others} benign labels drawn evenly, where {MIN_LABELS} of each on each arm are needed"
        )
    ps = f"p {chance(alike.p_sensitivity)} for Se, {chance(alike.p_specificity)} for Sp"
    return f"same errors on both arms: {alike.verdict}; {ps}"


def again(folder: Path) -> str:
    """The words of the run that judged this audit, as it was asked for."""
    if not (folder / JUDGED).is_file():
        return f"tuneward judge run {shlex.quote(str(folder))} --by … as before"
    settings = read_json(folder / JUDGED, Record).settings
    usual = {field.name: field.default for field in fields(JudgeOptions)}
    words = ["tuneward", "judge", "run", str(folder), "--by", *settings["by"]]
    return shlex.join([*words, *_said(settings, [name for name in NAMED if settings[name] != usual[name]])])


def _said(settings: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    flags = []
    for name in names:
        value = settings[name]
        flags += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return flags
