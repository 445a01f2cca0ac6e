"""Findings as SARIF 2.1.0 on the data files, so that code hosts and editors mark the rows themselves.

The log is written as a stream: results first, what was left out of them last, so no number of findings needs memory.
Messages hold reasons and never words of a row. Limits of readers: code hosts take 25,000 results of a run
(docs.github.com, "SARIF results exceed limit"). Format: OASIS SARIF 2.1.0 plus errata 01.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from posixpath import normpath
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec

from tuneward import __version__
from tuneward.outputs.screen_shown import CODES
from tuneward.scorers.sighting import Rule, Severity
from tuneward.screened.document import Screened
from tuneward.screened.finding import Finding
from tuneward.text import SENTENCE, plain, shorten

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
INFORMATION = "https://pypi.org/project/tuneward/"
FINDINGS = "findings.parquet"
"""Where every finding stands."""
LIMIT, MOST = 1000, 25_000
"""Results of one rule, and of one log."""
TARGETS = 10
"""Files named as the place of a finding on the whole set."""
LEVELS: Mapping[Severity, str] = MappingProxyType(
    {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
)
HERE, ROOT = "%SRCROOT%", "ROOT"
"""Base of relative paths, which the reader knows, and of absolute ones."""
PACKED = (".gz", ".xz", ".bz2", ".zst", ".zstd")
"""Files whose own bytes are not those of the rows."""
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
NOTICES = (
    ("left-out", "Results of a rule beyond the limit of this log."),
    ("not-read", "A part of the data that could not be read."),
    ("not-tested", "A question that this screen did not answer."),
)


def sarif(screened: Screened, findings: Iterable[Finding], *, limit: int = LIMIT) -> Iterator[bytes]:
    """The log in pieces to be written one after another; the same document and findings give the same bytes.

    Findings on the whole set are those of the document; `findings` adds those on rows, in their order. A rule has at
    most `limit` results, fewer where more than 25 rules found something, so that the whole log stays within what code
    hosts take. Findings that the allow-list names come last and only into the room that others leave.

    Raises:
        ValueError: `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"sarif: limit {limit} would leave out every finding; give 1 or more")
    files = {one.file: place for place, one in reversed(list(enumerate(screened.inputs)))}
    rules = {rule.id: place for place, rule in enumerate(_catalogue(screened))}
    left: Counter[str] = Counter()
    yield _open({"$schema": SCHEMA, "version": "2.1.0"}) + b',"runs":[' + _open(_head(screened)) + b',"results":[\n'
    rows = (finding for finding in findings if finding.row is not None)
    comma = b""
    for finding in _chosen(chain(screened.dataset, rows), _fitting(screened, limit), left):
        yield comma + msgspec.json.encode(_result(finding, screened, files=files, rules=rules))
        comma = b",\n"
    yield b"\n]," + msgspec.json.encode(_tail(screened, left))[1:] + b"]}\n"


def _open(value: Mapping[str, Any]) -> bytes:
    """An object that goes on."""
    return msgspec.json.encode(value)[:-1]


def _fitting(screened: Screened, limit: int) -> int:
    found = {one.rule for one in screened.rules if one.rows or one.allowed} | {one.rule for one in screened.dataset}
    return min(limit, max(1, MOST // max(1, len(found))))


def _chosen(findings: Iterable[Finding], limit: int, left: Counter[str]) -> Iterator[Finding]:
    """Findings within the limit of their rule; `left` counts the others, complete once all are drawn.

    At most `limit` allowed ones of a rule are held in memory until the end.
    """
    shown: Counter[str] = Counter()
    held: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.allowed_by is not None:
            waiting = held.setdefault(finding.rule, [])
            if len(waiting) < limit:
                waiting.append(finding)
            else:
                left[finding.rule] += 1
        elif shown[finding.rule] < limit:
            shown[finding.rule] += 1
            yield finding
        else:
            left[finding.rule] += 1
    for rule, waiting in held.items():
        room = limit - shown[rule]
        yield from waiting[:room]
        left[rule] += len(waiting[room:])


def _catalogue(screened: Screened) -> list[Rule]:
    """Every rule once."""
    return list({rule.id: rule for rule in reversed(screened.catalogue)}.values())[::-1]


def _said(text: str) -> dict[str, str]:
    """A message: one line in which nothing is a placeholder or a link (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    line = shorten(plain(text), SENTENCE)
    return {"text": line.replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _head(screened: Screened) -> dict[str, Any]:
    driver = {
        "name": "tuneward",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": INFORMATION,
        "rules": [_rule(rule) for rule in _catalogue(screened)],
        "notifications": [{"id": name, "shortDescription": {"text": said}} for name, said in NOTICES],
    }
    bases: dict[str, Any] = {HERE: {"description": {"text": "The folder in which the screen was run."}}}
    places = [artifact(one.file) for one in screened.inputs]
    for place in places:
        base = place.get("uriBaseId", HERE)
        bases.setdefault(base, {"uri": "file:///"} if base == ROOT else {"description": {"text": "A folder above it."}})
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": "tuneward/screen/"},
        "originalUriBaseIds": bases,
        "columnKind": "unicodeCodePoints",
        "artifacts": [
            {
                "location": {**place, "index": number},
                "length": one.bytes,
                "roles": ["analysisTarget"],
                "hashes": {"sha-256": plain(one.sha256)},
                "properties": {"rows": one.rows, "format": shorten(plain(one.format), SENTENCE)},
            }
            for number, (one, place) in enumerate(zip(screened.inputs, places, strict=True))
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    source = f" Source: {rule.source}." if rule.source else ""
    paper = ARXIV.search(rule.source)
    return {
        "id": plain(rule.id),
        "shortDescription": _said(rule.title),
        "fullDescription": _said(rule.about),
        "help": _said(f"{rule.about}{source}"),
        **({"helpUri": f"https://arxiv.org/abs/{paper[1]}"} if paper else {}),
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"risk": rule.risk, "severity": rule.severity, "tags": [rule.risk]},
    }


def artifact(file: str) -> dict[str, str]:
    """A file's place as a %-encoded URI and its base; no relative one begins with a slash or holds `..`."""
    if SCHEME.match(file):
        return {"uri": quote(file, safe="/:", errors="surrogateescape")}
    steps = [step for step in normpath(file or ".").split("/") if step]
    above = steps.count("..")
    uri = quote("/".join(steps[above:]), errors="surrogateescape") or "."
    return {"uri": uri, "uriBaseId": ROOT if file.startswith("/") else HERE + "/.." * above}


def _result(finding: Finding, screened: Screened, *, files: Mapping[str, int], rules: Mapping[str, int]) -> Any:
    targets = [one.file for one in screened.inputs[:TARGETS]] if finding.file is None else [finding.file]
    return {
        "ruleId": plain(finding.rule),
        **({"ruleIndex": rules[finding.rule]} if finding.rule in rules else {}),
        "level": LEVELS[finding.severity],
        **({"rank": round(finding.score * 100, 1)} if finding.score is not None else {}),
        "message": _said(finding.reason),
        "locations": [_location(finding, file, files) for file in targets],
        "partialFingerprints": {"tuneward/1": plain(finding.fingerprint)},
        **({"suppressions": [_suppression(finding.allowed_by)]} if finding.allowed_by is not None else {}),
        "properties": {
            "row": None if finding.row is None else plain(finding.row),
            "disposition": finding.disposition,
            "trained": finding.trained,
            **({"related": [plain(row) for row in finding.related]} if finding.related else {}),
            **({"relatedTotal": finding.related_total} if finding.related_total else {}),
        },
    }


def _location(finding: Finding, file: str, files: Mapping[str, int]) -> dict[str, Any]:
    """The line and its bytes; a row of a file that is no text has a name instead, as line numbers mean nothing there.

    Both regions are the same bytes: a row's length leaves its line end out, as a line's default end does.
    """
    index = {"index": files[file]} if file in files else {}
    physical: dict[str, Any] = {"artifactLocation": {**artifact(file), **index}}
    if finding.line is None:
        return {"physicalLocation": physical}
    if finding.offset is None or file.lower().endswith(PACKED):
        name = f"row {finding.line}" if finding.offset is None else f"line {finding.line} of the unpacked text"
        return {"physicalLocation": physical, "logicalLocations": [{"name": name, "kind": "row"}]}
    known = {} if finding.length is None else {"byteOffset": finding.offset, "byteLength": finding.length}
    return {"physicalLocation": {**physical, "region": {"startLine": finding.line, **known}}}


def _suppression(entry: str) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": shorten(plain(entry), SENTENCE)}


def _tail(screened: Screened, left: Counter[str]) -> dict[str, Any]:
    """What is known at the end."""
    out = {rule: count for rule, count in sorted(left.items()) if count}
    said = CODES.get(screened.exit_code)
    invocation = {
        "executionSuccessful": screened.exit_code != 4,
        "exitCode": screened.exit_code,
        **({"exitCodeDescription": said} if said else {}),
        "toolExecutionNotifications": list(_notices(screened, out)),
    }
    return {
        "invocations": [invocation],
        "properties": {
            "tier": screened.tier,
            "tierReasons": [shorten(plain(why), SENTENCE) for why in screened.tier_reasons],
            "headline": shorten(plain(screened.headline), SENTENCE),
            "document": plain(screened.schema),
            "policy": shorten(plain(screened.policy), SENTENCE),
            "findings": FINDINGS,
            "leftOut": {plain(rule): count for rule, count in out.items()},
        },
    }


def _notices(screened: Screened, left: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for name in screened.coverage.failed:
        yield {"level": "error", "message": _said(f"not read: {name}"), "descriptor": {"id": "not-read"}}
    for rule, count in left.items():
        said = f"{rule}: {count:,} more results are left out of this log; {FINDINGS} has all of them"
        yield {
            "level": "warning",
            "message": _said(said),
            "descriptor": {"id": "left-out"},
            "associatedRule": {"id": plain(rule)},
        }
    for one in screened.not_tested:
        yield {
            "level": "note",
            "message": _said(f"not tested: {one.what}: {one.why}"),
            "descriptor": {"id": "not-tested"},
        }
