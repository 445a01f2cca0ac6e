"""The audit document: every type in `audit.json`. Light, so that gate, report and compare read it without a model.

Rates count the *good* outcome (refused a harmful request, answered a look-alike, got the task right), so on every
axis a higher rate is better and a negative difference (tuned − base) is a loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tuneward.stats.categories import WorstCategory
from tuneward.stats.difference import Difference
from tuneward.stats.rates import Rate
from tuneward.stats.two_phase import Estimate

SCHEMA = "tuneward/audit/1"


@dataclass(frozen=True)
class CategoryFinding:
    """One category of an axis; `pooled` values are shrunk towards the other categories (partial pooling)."""

    name: str
    base: Rate
    tuned: Rate
    difference: Difference
    pooled: float | None
    """Share of the at-risk prompts that were lost, shrunk."""
    pooled_low: float
    pooled_high: float
    resolvable: float
    """Smallest loss that could be significant in this category alone after Holm; above 1 = none."""


@dataclass(frozen=True)
class Axis:
    """One question of the audit."""

    name: str
    """`refusal`, `twins`, `utility`, `coherence`, `context`, `pair`, `sampled`, `private`, `trigger`, `prefill`,
    `language`, `turns`, `template`, `harm`, `own`."""
    title: str
    """What the good rate counts, e.g. "refuses harmful requests"."""
    role: Literal["primary", "exploratory"]
    status: Literal["measured", "not measured"]
    reason: str = ""
    """Why it was not measured."""
    base: Rate | None = None
    tuned: Rate | None = None
    difference: Difference | None = None
    at_risk: Rate | None = None
    """Of the prompts that were good on the base, the share lost."""
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Arm → label → count over all replies of the axis."""
    asked: int = 0
    """Pairs asked; those not judged on both arms are `unscored`."""
    unscored: int = 0
    unmatched: tuple[str, ...] = ()
    """Ids present in one arm only."""
    truncated: Mapping[str, int] = field(default_factory=dict)
    """Arm → replies cut by the token limit."""
    detectable: float | None = None
    """Smallest loss seen with 80 % power, stated before the run."""
    categories: tuple[CategoryFinding, ...] = ()
    worst_category: WorstCategory | None = None


@dataclass(frozen=True)
class Change:
    """A pair whose outcome changed."""

    id: str
    axis: str
    suite: str
    category: str
    base: str
    """Label on the base."""
    tuned: str
    direction: Literal["lost", "gained"]
    sensitive: bool = False
    """Category 2: its text is never shown anywhere."""
    prompt: str | None = None
    """Texts only with `--include-text`, and never for a sensitive pair."""
    base_answer: str | None = None
    tuned_answer: str | None = None


@dataclass(frozen=True)
class ArmInfo:
    """What was loaded for one arm: identity is the digests, never the name."""

    name: str
    weights: str
    tokenizer: str
    template: str
    """sha256 each."""
    dtype: str
    device: str
    adapter: str | None = None
    revision: str | None = None
    loading: str = ""
    """e.g. "adapter switched off on one loaded model", "loaded apart: adapter saves biases"."""


@dataclass(frozen=True)
class Effect:
    """One edge of the 2 × 2 (weights × template) where the arms' templates differ."""

    axis: str
    kind: Literal["weights", "template"]
    held: str
    """What was held fixed, e.g. "template of base"."""
    difference: Difference


Kind = Literal["context", "language", "turns", "prefill", "template"]
"""Ways to ask again; each is the name of the axis that its requests fill."""


@dataclass(frozen=True)
class Contrast:
    """Good rates of both arms over the same prompts, and their paired difference."""

    base: Rate
    tuned: Rate
    difference: Difference
    unscored: int = 0
    """Pairs that were not judged on both arms."""


@dataclass(frozen=True)
class ConditionFinding:
    """The requests and their twins, asked in one way; the first one, `plain`, has the same families asked plainly."""

    name: str
    """The render of its replies."""
    words: str
    """What it is."""
    kind: Kind | Literal["plain"]
    families: int
    refusal: Contrast | None = None
    """Requests refused."""
    twins: Contrast | None = None
    """Twins answered."""
    pair: Contrast | None = None
    """Families whose request is refused and whose twin is answered."""


@dataclass(frozen=True)
class DepthProfile:
    """How deep the refusals go: after so many tokens of a neutral answer, and how far the arms are apart there."""

    depths: tuple[int, ...]
    """Tokens put into the model's mouth; 0 first."""
    refused: Mapping[str, tuple[Rate, ...]]
    """Arm → requests refused at each depth, over the same families."""
    k50: Mapping[str, float | None]
    """Arm → depth in tokens at which half of the refusals at depth 0 are gone (linear between depths); None when they
    are not within the last depth, or when there were none."""
    divergence: tuple[float, ...] = ()
    """Mean KL(tuned‖base) in nats at each token of the base's own reply, arXiv:2406.05946 sec. 2; empty where the
    tokenizers differ."""
    replies: int = 0
    """Replies behind the divergence."""


Outcome = Literal["refused", "harmful", "benign", "incoherent", "unjudged"]
"""What became of a harmful request, in one word."""


@dataclass(frozen=True)
class JudgeInfo:
    """A judge that read replies, and how it fared."""

    identity: str
    """Digest of everything that decides its verdicts: model, template, policy, reading. Every score names it."""
    kind: str
    """`rubric`, or the format of a guard."""
    name: str
    """Folder, hub id or address#name of its model."""
    read: int
    """Replies that it was given."""
    unjudged: int
    """Replies of which it gave no readable verdict."""
    calibrated: bool = False
    """Whether labels of people stand behind its corrected rates."""


@dataclass(frozen=True)
class HarmArm:
    """How much harm one arm's replies do, over all requests; estimated where only some were judged."""

    harmful: Estimate
    """Share judged harmful: level 3 or more, arXiv:2310.03693 sec. 3; with several judges, by most of them."""
    worst: Estimate | None = None
    """Share at level 5, the published harmfulness rate."""
    level: Estimate | None = None
    """Mean level, 1 to 5, the published harmfulness score; None without a rubric."""
    corrected: Estimate | None = None
    """Share harmful after the judge's own errors are taken out (Rogan and Gladen 1978; Lang and Reiczigel 2014)."""
    categories: Mapping[str, float | None] = field(default_factory=dict)
    """Category → mean level; share harmful where no judge gives levels."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """`Outcome` → replies, among those judged."""


@dataclass(frozen=True)
class Agreed:
    """How far two raters, or all of them, agree beyond chance."""

    between: str
    """The two judges (Cohen's κ), or `all` (Krippendorff's α)."""
    measure: Literal["kappa", "alpha"]
    value: Estimate
    replies: int


@dataclass(frozen=True)
class Harm:
    """What judges say of the replies to harmful requests."""

    judges: tuple[JudgeInfo, ...]
    design: str
    """Which pairs were judged, in words."""
    pairs: int
    """Pairs of replies there are."""
    judged: int
    """Pairs with a verdict on both arms."""
    arms: Mapping[str, HarmArm]
    difference: Estimate
    """Share harmful, tuned − base."""
    agreement: tuple[Agreed, ...] = ()
    disagreements: tuple[str, ...] = ()
    """`arm/id` of replies on which judges differ."""
    corrected: Estimate | None = None
    """The difference after both arms were corrected by their own error rates."""
    leeway: Estimate | None = None
    """Range of the difference if the judge's error rates differ between the arms by up to 10 points; no estimate."""
    calls: int = 0
    """Questions put to judges, retries included."""


@dataclass(frozen=True)
class InTurn:
    """An axis whose prompts were asked one after another until it was decided (e-process, house method)."""

    axis: str
    outcome: Literal["pass", "fail", "inconclusive"]
    limit: float
    """Share of bad replies that the tuned model must be shown to stay under."""
    asked: int
    """Families asked, one prompt each, in random order."""
    of: int
    bad: int
    """Bad replies of the tuned model; unjudged ones never help it to pass."""
    evidence_below: float
    """Natural logarithm of the e-value against "at least the limit"; log 20 decides."""
    evidence_above: float
    """The same against "at most the limit"."""
    drift: float
    """The same against "no more is lost than gained", over the pairs whose outcome changed."""


@dataclass(frozen=True)
class Noise:
    """A/A floor: the base asked again with a shuffled batch plan and no cache."""

    flips: Rate
    """Outcomes that changed between two runs of the same model."""
    texts: Rate
    """Replies whose text changed at all."""


@dataclass(frozen=True)
class PlanLine:
    """What an axis can tell, said before anything is asked."""

    axis: str
    prompts: int
    families: int
    at_risk: float | None
    """Expected number of prompts on which the base is good."""
    detectable: float | None
    reverse: float
    """Share of pairs assumed to flip the other way."""


@dataclass(frozen=True)
class Audit:
    """The whole document."""

    id: str
    """`tw1:` and the first 16 hex digits of the digest of what was asked, of whom, and how."""
    arms: Mapping[str, ArmInfo]
    plan: tuple[PlanLine, ...]
    parity: Mapping[str, str]
    """template, bos, token_ids → one readable finding each."""
    axes: tuple[Axis, ...]
    changes: tuple[Change, ...]
    effects: tuple[Effect, ...] = ()
    conditions: tuple[ConditionFinding, ...] = ()
    depth: DepthProfile | None = None
    noise: Noise | None = None
    harm: Harm | None = None
    in_turn: tuple[InTurn, ...] = ()
    notes: tuple[str, ...] = ()
    """Comparability: everything that a reader must know and that is not an axis."""
    limit: int | None = None
    """Set when only some prompts were asked: such an audit never satisfies a gate."""
    decoding: Mapping[str, str] = field(default_factory=dict)
    suites: Mapping[str, str] = field(default_factory=dict)
    """Suite → sha256 of its prompts."""
    schema: str = SCHEMA


@dataclass(frozen=True)
class Check:
    """The gate's finding on one required axis."""

    axis: str
    outcome: Literal["pass", "fail", "not established", "not resolved", "waived"]
    margin: float
    why: str
    """One sentence with the figures."""


@dataclass(frozen=True)
class Verdict:
    """What a policy says of an audit."""

    outcome: Literal["pass", "fail", "not established", "not resolved"]
    exit_code: int
    """0, 3, 4 or 5."""
    headline: str
    checks: tuple[Check, ...]
    audit_id: str
    policy: str
    """sha256 of the policy file."""
    waivers: tuple[str, ...] = ()
    schema: str = "tuneward/verdict/1"
