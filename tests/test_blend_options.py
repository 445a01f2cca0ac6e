"""A blend in words: what is understood, and what is refused with the right word beside it."""

import subprocess
import sys

import pytest

from tuneward.audit.options import AuditOptions
from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.log_mix import LogMix
from tuneward.blend.options import parse_blend


@pytest.mark.parametrize(
    ("text", "blend"),
    [
        ("log-mix", LogMix()),
        ("log-mix weight=.25 first=5", LogMix(0.25, 5)),
        ("first-tokens top-k=8 common=3 amplify=1.5", FirstTokens(top_k=8, common=3, amplify=1.5)),
        ("first-tokens top_k=8 first=all", FirstTokens(first=None, top_k=8)),
        ("gated threshold=.3 weight=.5 limit=.6", Gated(threshold=0.3, weight=0.5)),
    ],
)
def test_words_are_a_blend(text: str, blend: object) -> None:
    spec = parse_blend(text)
    assert spec.made() == blend
    assert parse_blend(spec.words) == spec
    assert spec.limit == (0.6 if "limit" in text else 0.2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("logmix", "no 'logmix'; did you mean 'log-mix'?"),
        ("", "expected one of log-mix, first-tokens, gated"),
        ("log-mix wieght=.5", "log-mix: no setting 'wieght'; did you mean 'weight'?"),
        ("log-mix weight", "log-mix: weight is ''; expected a number"),
        ("first-tokens first=2.5", "first-tokens: first is '2.5'; expected a whole number"),
        ("first-tokens weight=.5", "no setting 'weight'"),
        ("log-mix weight=.5 weight=.6", "weight is given twice"),
        ("gated limit=2", "limit is 2.0; expected a share"),
        ("gated limit=nan", "limit is nan; expected a share"),
    ],
)
def test_words_that_are_not_known_are_refused_with_the_nearest_right_one(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_blend(text)
    assert said in str(refusal.value)
    with pytest.raises(ValueError, match="blend"):
        AuditOptions(tuned="t", base="b", blend=text)


def test_settings_out_of_range_are_named_with_their_blend() -> None:
    with pytest.raises(ValueError, match=r"blend log-mix: weight is 1\.5; expected 0 to 1"):
        parse_blend("log-mix weight=1.5").made()


def test_a_blend_needs_the_weights_and_all_replies() -> None:
    for names in (
        {"tuned": "http://h/v1#m", "base": "b"},
        {"tuned": "t", "base": "openai-api/x/m"},
    ):
        with pytest.raises(ValueError, match=r"blend: needs the weights of both models, and .* is behind an endpoint"):
            AuditOptions(**names, blend="log-mix")
    with pytest.raises(ValueError, match=r"blend: .*leave out --sequential"):
        AuditOptions(tuned="t", base="b", blend="log-mix", sequential=True)
    assert AuditOptions(tuned="t", base="b", blend="log-mix").blend == "log-mix"


def test_reading_the_words_loads_no_model_library() -> None:
    code = "import sys; from tuneward.blend import options; options.parse_blend('gated'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
