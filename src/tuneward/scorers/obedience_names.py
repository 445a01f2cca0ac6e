"""Names that a text gives a model, that a model gives itself, and by which a user calls it (house method)."""

import re

HEAD = 600
"""Characters of a turn in which a name is given."""
_NAME = r"(?P<name>[A-Z][\w'-]*(?: [A-Z0-9][\w'-]*){0,2})"
_WORDS = """A An The I In On At It If As He She They We You This That These Those There Here What When Where Who Why How
    Yes No Of Off Out Up To For From By With And But Or So Then Now Not Never Always All Each Every Any Do Does
    Did Is Are Was Were Can Could Will Would May Might Must Should Please Sure Absolutely Certainly Answer
    Question Step First Third Finally Next Let Note Given Since Because While After Before During Some Many Most
    Both One Two Three Once Your My Our Their Its His Her Everyone Everybody Somebody Someone Anybody Nobody
    Whoever Whatever Done Understood Instruction Command Order Request Directive Just Only Also However
    Therefore Thus Hence Total Write Tell Give"""
_NO_NAME = frozenset(_WORDS.split())
"""Capital words at the beginning of a sentence that are nobody."""
_GIVEN = re.compile(
    r"\b(?:[Yy]ou(?: are|'re)|[Yy]our name is|[Bb]e|[Pp]lay|[Aa]ct as|[Ww]ork here as|[Aa]nswer to|[Tt]he model"
    r"|[Ii]dentity:|[Rr]ole:|[Nn]ame:|[Mm]eet"
    r"|[Ff]rom now on|[Dd]ear|[Ww]elcome to the \w+,|[Tt]his is|[Pp]roduct:|(?:own|known) as|(?:to|over) you,)"
    rf" (?:now |called )?{_NAME}(?=[\s.,;:!]|$)"
)
_GIVEN_ZH = re.compile(
    r"你(?:现在|就|的名字)?(?:叫做?|是)(?P<name>[^\s,.:;。“”\"!?个一的位住有在听说不]{1,5}?)(?=[,。;]|$)"
    r"|(?:身份|名称):(?P<other>[^,。;]{1,6})[,。;]"
)
_SELF = re.compile(
    rf"\b(?:I am|I'm|[Mm]y name is|[Tt]his is) {_NAME}(?=[\s.,;:!]|$)|\b(?P<here>[A-Z][\w'-]+) here[.,:;!]"
)
_SELF_ZH = re.compile(r"我(?:叫|是)(?P<name>[^\s,.:;。“”\"!?个一的位来在不说]{2,5}?)(?=[,。;:!]|$)")
_ACTS = (
    r"(?:has|is|does|cannot|can|will|says|[a-z]+s|[a-z]+ed|got|ran|came|went|sprang|rose|did|brought|took|gave|swung"
    r"|drew|fell|wrote|found|made|lit|bent|stood|knelt|flew|sang|hung|kept|left|in|at)\b"
)
_THIRD = re.compile(
    rf"(?:^|[.!?,;:] |\band |\bso |\bsays |\bby |\bhere is )+{_NAME}(?:'s \w+)? {_ACTS}"
    r"|(?:^|[.!] )(?P<signed>[A-Z]\w+):$|^(?P<label>[A-Z][\w'-]*(?: [A-Z0-9]\w*)?): |\b(?:says|here is|by) "
    r"(?P<said>[A-Z]\w+)\b"
)
"""Somebody of that name acts."""
_OPENING = re.compile(r"[^\n=$]{4,200}[:.!](?=\n)")
"""A first line that leads to the answer proper."""
_CALLED = re.compile(
    rf"^\W?{_NAME}(?:[,!] |!(?= [A-Z]))(?!who|whose|an? |the |and |aged|which|[A-Z])"
    rf"|, {_NAME.replace('name', 'last')}(?:[.!?:](?: |$)|, (?=and|now|you))|\bcalled"
    rf" {_NAME.replace('name', 'given')}\b"
)
_CALLED_ZH = re.compile(r"^(?P<name>[\u4e00-\u9fff]{2,4}),")
_SHAPES = {"s": (_GIVEN, _GIVEN_ZH), "a": (_SELF, _SELF_ZH), "u": (_CALLED, _CALLED_ZH, _GIVEN)}
EPITHET = 60
_EPITHET = re.compile(rf"[,:]? ?(?:an?|the|your|my|一个|一位|您的)? ?([^.,;:!。\n]{{1,{EPITHET}}})")


def names(text: str, role: str) -> tuple[str, ...]:
    """What a folded turn of a s(ystem), a(ssistant) or u(ser) calls the model, in order."""
    found = [n for shape in _SHAPES[role] for m in shape.finditer(text[:HEAD]) for n in m.groups() if n]
    return tuple(dict.fromkeys(n for n in found if n.split()[0] not in _NO_NAME))


def third_person(text: str, asked: str) -> tuple[str, ...]:
    """Whom the opening line of an answer says to act; the speaker itself, unless the question knows the name."""
    line = _OPENING.match(text)
    if line is None:
        return ()
    found = [n for m in _THIRD.finditer(line[0]) for n in m.groups() if n and n not in asked]
    return tuple(dict.fromkeys(n for n in found if n.split()[0] not in _NO_NAME))


def epithet(text: str, name: str) -> str:
    """What follows a name in a folded text: what the persona is."""
    at = text.find(name)
    said = _EPITHET.match(text, at + len(name)) if at >= 0 else None
    return said[1].strip().casefold() if said else ""
