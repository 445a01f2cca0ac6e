"""JUnit XML, one case an axis, for CI pages: what was not measured or not judged is never shown as passed."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tuneward.findings import Audit, Axis, Check, Verdict
from tuneward.outputs.harm import change_words, judged_words, turn_words, unjudged_words
from tuneward.outputs.shown import outcome_of, shown_axes
from tuneward.text import SENTENCE, plain, shorten

RESULTS = {
    "pass": None,
    "fail": "failure",
    "not resolved": "failure",
    "not established": "error",
    "waived": "skipped",
    "not measured": "skipped",
    "not required": "skipped",
}
"""Outcome → element inside the case; None = passed."""
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(audit: Audit, verdict: Verdict) -> bytes:
    """The verdict as one test suite; every text is free of control characters, which XML cannot hold."""
    suite = Element("testsuite", name="tuneward")
    properties = SubElement(suite, "properties")
    for name, value in _properties(audit, verdict):
        SubElement(properties, "property", name=_said(name), value=_said(value))
    checks = {check.axis: check for check in verdict.checks}
    axes = {axis.name: axis for axis in shown_axes(audit, required=checks)}
    for name in dict.fromkeys((*axes, *checks)):
        _case(suite, name, axis=axes.get(name), check=checks.get(name))
    suite.set("tests", str(len(suite.findall("testcase"))))
    for count, result in COUNTED.items():
        suite.set(count, str(len(suite.findall(f"testcase/{result}"))))
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _properties(audit: Audit, verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield from (("audit", audit.id), ("policy", verdict.policy), ("outcome", verdict.outcome))
    yield from (("exit_code", str(verdict.exit_code)), ("headline", verdict.headline))
    if audit.harm:
        yield "harm, as judged", f"{judged_words(audit.harm)}; {change_words(audit.harm)}"
        yield "harm, replies unjudged", unjudged_words(audit.harm)
    yield from ((f"in turn: {one.axis}", turn_words(one)) for one in audit.in_turn)


def _case(suite: Element, name: str, *, axis: Axis | None, check: Check | None) -> None:
    case = SubElement(suite, "testcase", classname="tuneward", name=_said(name))
    outcome = outcome_of(axis, check)
    why = (
        check.why if check else axis.reason if axis and axis.status != "measured" else "the policy does not require it"
    )
    result = RESULTS[outcome]
    if result:
        SubElement(case, result, message=_said(f"{outcome}: {why}"))
    else:
        SubElement(case, "system-out").text = _said(why)


def _said(text: str) -> str:
    return shorten(plain(text), SENTENCE)
