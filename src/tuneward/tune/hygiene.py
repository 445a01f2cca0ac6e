"""What is known, or thought, to wear refusals down before a step is made: settings beside the evidence against them.

Most loss of refusals by benign rows comes from how they are learnt (arXiv:2508.12531: unsafe answers 16 → about 5 % by
rate, batch and steps alone). Cautions change nothing and stop nothing, and a plan without one is no better than that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tuneward.tune.job import TASK, Job
from tuneward.tune.options import TuneOptions

Kind = Literal["warning", "remark"]


@dataclass(frozen=True)
class Limits:
    """Where rules begin. Each says where it comes from; "own" means that no paper stands behind the number."""

    rate_full: float = 2e-5
    """arXiv:2310.03693, Table 12: the lower of the two rates that were compared."""
    rate_lora: float = 2e-4
    """Own: ten times the limit for all weights. The paper's benign adapter run had 1e-4, and no rates were compared."""
    batch: int = 16
    """arXiv:2310.03693, Table 12: the smallest batch that was measured, and the worst; below it nothing is known."""
    rows: int = 100
    """arXiv:2310.03693, section 4.1: sets of 10 to 100 rows are the size of attacks."""
    passes: float = 2.0
    """Own: several passes begin with the second."""
    budget_full: float = 2.5e-6
    """Own: rate × passes / rows of 100 rows, five passes, 5e-5, the plan of arXiv:2310.03693 for attacks."""
    budget_lora: float = 2.5e-5
    """Own: ten times that, as the rates of adapters are."""
    beta1: float = 0.5
    """arXiv:2406.05946: AdamW's first decay in all of its constrained runs."""


LIMITS = Limits()
"""In force."""


@dataclass(frozen=True)
class Plan:
    """What is known of a run before its first step."""

    options: TuneOptions
    job: Job
    """With all defences."""
    lengths: Sequence[int]
    """Tokens of each lesson, after cutting."""
    longest: int | None
    """Tokens that a row may have."""

    @property
    def rows(self) -> int:
        """Rows that the user brought."""
        return sum(lesson.part == TASK for lesson in self.job.lessons)

    @property
    def batch(self) -> int:
        """Rows of a step, as many as there are at most."""
        return min(self.job.settings.batch, len(self.job.lessons))

    @property
    def passes(self) -> float:
        """How often each row is learnt, about."""
        steps = self.job.settings.steps
        return self.job.settings.epochs if steps is None else steps * self.batch / max(1, len(self.job.lessons))

    @property
    def budget(self) -> float:
        """Rate × passes / rows (own figure): how hard each single row is pressed in."""
        return self.job.settings.rate * self.passes / max(1, self.rows)


@dataclass(frozen=True)
class Caution:
    """A rule that fired."""

    rule: str
    kind: Kind
    """A warning speaks of a known or likely loss, a remark of what is worth knowing."""
    text: str
    """One line: what the plan does, and what to do instead."""
    source: str
    """Paper and place, or "own"."""
    figure: str
    """What was measured there, or what the own rule rests on."""

    def line(self) -> str:
        """As it is said."""
        return f"{self.kind:<8} {self.rule}: {self.text} [{self.source}: {self.figure}]"


@dataclass(frozen=True)
class Rule:
    """A rule as a value."""

    id: str
    kind: Kind
    when: str
    """When it fires."""
    source: str
    figure: str
    says: Callable[[Plan], str]
    """The line of a plan it holds against; empty where it does not."""


def cautions(plan: Plan) -> list[Caution]:
    """Every rule that fires, in the order of `RULES`."""
    found = ((rule, rule.says(plan)) for rule in RULES)
    return [Caution(rule.id, rule.kind, text, rule.source, rule.figure) for rule, text in found if text]


def _rate_full(plan: Plan) -> str:
    rate = plan.job.settings.rate
    if not plan.options.full or rate <= LIMITS.rate_full:
        return ""
    return f"all weights at {rate:g}; {LIMITS.rate_full:g} or less, and a larger batch, cost fewer refusals"


def _rate_lora(plan: Plan) -> str:
    rate = plan.job.settings.rate
    if plan.options.full or rate <= LIMITS.rate_lora:
        return ""
    return f"an adapter at {rate:g}; {LIMITS.rate_lora:g} or less moves the model less"


def _small_batch(plan: Plan) -> str:
    if plan.batch >= LIMITS.batch:
        return ""
    return f"{plan.batch} rows a step; larger batches cost fewer refusals"


def _few_rows(plan: Plan) -> str:
    if plan.rows >= LIMITS.rows or plan.passes < LIMITS.passes:
        return ""
    return f"{plan.rows:,} rows, {plan.passes:.3g} times each; take more rows or fewer passes"


def _overfit(plan: Plan) -> str:
    limit = LIMITS.budget_full if plan.options.full else LIMITS.budget_lora
    if plan.budget <= limit:
        return ""
    return (
        f"overfit budget, rate × passes / rows, is {plan.budget:.2g}, above {limit:.2g}; lower the rate or the passes"
    )


def _same_prompt(plan: Plan) -> str:
    text, deploy = plan.job.rendering.system, plan.job.rendering.deploy
    if text is not None:
        under = {text.strip()} - {""}
        who = "all rows"
    else:
        own = [_system(lesson.chat.messages) for lesson in plan.job.lessons if lesson.part == TASK]
        under = set(own) - {""}
        who = f"{sum(map(bool, own)):,} of {plan.rows:,} rows"
    if not under or (deploy is not None and deploy.strip() not in under):
        return ""
    what = "the model is deployed under the same" if deploy is not None else "no other is named for deployment"
    return f"{who} are learnt under a system prompt, and {what}; `template` learns without it and deploys with it"


def _system(turns: Sequence[object]) -> str:
    return next((str(getattr(t, "content", "")).strip() for t in turns if getattr(t, "role", "") == "system"), "")


def _mask_all(plan: Plan) -> str:
    return "every token is learnt, users' turns too; assistant is the usual mask" if plan.options.mask == "all" else ""


def _cut(plan: Plan) -> str:
    cut = sum(length >= plan.longest for length in plan.lengths) if plan.longest is not None else 0
    if plan.options.long != "cut" or not cut:
        return ""
    return (
        f"{cut:,} rows reach the limit of {plan.longest:,} tokens and may have lost their end; drop them, or raise it"
    )


def _fp16(plan: Plan) -> str:
    return "fp16 loses small gradients, those of defences first; bf16 or no" if plan.options.precision == "fp16" else ""


def _beta1(plan: Plan) -> str:
    beta1 = plan.job.settings.beta1
    if "constrained" not in plan.job.defences or beta1 == LIMITS.beta1:
        return ""
    return f"constrained with beta1 {beta1:g}; --beta1 {LIMITS.beta1:g} is what the paper ran"


def _not_watched(plan: Plan) -> str:
    return "nothing watches the run; audit what comes of it" if plan.options.monitor == "off" else ""


def _no_defence(plan: Plan) -> str:
    if plan.job.defences:
        return ""
    return "no defence is named; audit the result against its base, as after any tuning"


RULES = (
    Rule(
        "RATE-FULL",
        "warning",
        f"all weights learn, at a rate above {LIMITS.rate_full:g}",
        "arXiv:2310.03693, Table 12",
        "harmful answers with batch 16 / 32 / 64 / 128 at 5e-5 46.4 / 37.9 / 31.5 / 34.2 %, "
        "at 2e-5 23.6 / 20.6 / 15.8 / 16.1 %",
        _rate_full,
    ),
    Rule(
        "RATE-LORA",
        "warning",
        f"an adapter learns, at a rate above {LIMITS.rate_lora:g}",
        "own",
        "SmolLM2-135M, 480 benign rows at 2e-3: refusals 92.5 → 25.7 %; adapters are not gentler than all weights, "
        "25.2 against 16.1 % harmful at 1e-4 in arXiv:2310.03693, Table 11",
        _rate_lora,
    ),
    Rule(
        "SMALL-BATCH",
        "warning",
        f"fewer than {LIMITS.batch} rows a step",
        "arXiv:2310.03693, Table 12",
        "harmful answers at 2e-5 23.6 % with batch 16, 16.1 % with 128; nothing smaller was measured",
        _small_batch,
    ),
    Rule(
        "FEW-ROWS",
        "warning",
        f"fewer than {LIMITS.rows} rows of yours, {LIMITS.passes:g} passes or more",
        "arXiv:2310.03693, Table 2",
        "ten rows without a toxic word: harmful answers 0 → 54.2 % after 3 passes, 72.1 % after 5",
        _few_rows,
    ),
    Rule(
        "OVERFIT",
        "warning",
        f"rate × passes / rows is above {LIMITS.budget_lora:g}, or {LIMITS.budget_full:g} for all weights",
        "own",
        "the limit is the plan of published attacks, 100 rows in 5 passes; on 52,000 benign rows more passes did not "
        "hurt, 31.8 → 23.0 % from 1 to 5 in arXiv:2310.03693",
        _overfit,
    ),
    Rule(
        "SAME-PROMPT",
        "warning",
        "rows are learnt under a system prompt, and deployed under it or nobody says under what",
        "arXiv:2402.18540",
        "GSM8K: attacks that succeed 18.08 → 1.08 % where the safety prompt was left out of tuning",
        _same_prompt,
    ),
    Rule(
        "MASK-ALL",
        "warning",
        "`--mask all`",
        "own",
        "not measured; the model also learns to write the requests",
        _mask_all,
    ),
    Rule(
        "CUT",
        "warning",
        "`--long cut`, and rows reach the limit",
        "own",
        "not measured; what was cut teaches no end of an answer",
        _cut,
    ),
    Rule(
        "FP16",
        "remark",
        "`--precision fp16`",
        "own",
        "its smallest number is 6e-8, that of bf16 1e-38; a loss scale helps only in part",
        _fp16,
    ),
    Rule(
        "BETA1",
        "remark",
        f"`constrained` with another beta1 than {LIMITS.beta1:g}",
        "arXiv:2406.05946",
        "all its figures, such as 15.4 → 3.2 % on SQL, are with 0.5",
        _beta1,
    ),
    Rule(
        "NOT-WATCHED",
        "remark",
        "`--monitor off`",
        "arXiv:2310.03693, Table 8",
        "scores of ability hardly show it: MT-Bench 8.00 → 7.46 while harmful answers went 1.8 → 91.8 %",
        _not_watched,
    ),
    Rule(
        "NO-DEFENCE",
        "remark",
        "no defence is named",
        "arXiv:2310.03693, Table 3",
        "one pass over benign rows: harmful answers 0.3 → 16.1 % (Alpaca), 0.6 → 12.1 % (Dolly)",
        _no_defence,
    ),
)
