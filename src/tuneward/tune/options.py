"""The tuning's settings, and the words of its defences. Apart from the verb, so that help loads no model library."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tuneward.model.spec import Dtype
from tuneward.tune.limits import limits
from tuneward.tune.readings import SUITES, Every, How

DEFENCES: Mapping[str, str] = MappingProxyType(
    {
        "mix": "tuneward.tune.mix:Mix",
        "template": "tuneward.tune.template:PromptTemplate",
        "constrained": "tuneward.tune.constrained:Constrained",
        "anchor": "tuneward.tune.anchor:Anchor",
        "kl": "tuneward.tune.kl:FirstTokensKL",
        "hinge": "tuneward.tune.hinge:Hinge",
        "staged": "tuneward.tune.staged:Staged",
        "ema": "tuneward.tune.ema:EMA",
        "lisa": "tuneward.tune.lisa:Lisa",
        "safegrad": "tuneward.tune.safegrad:SafeGrad",
        "freeze": "tuneward.tune.freeze:Freeze",
        "l2": "tuneward.tune.l2:L2",
    }
)
"""Word → module:class. `Defence` in `tune.defences` is the same as a union."""


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """Fine-tune a model on chats, with defences that are named after the options and compose from left to right."""

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """The aligned model: a folder, an adapter folder to go on with, or ORG/NAME[@REVISION]."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """Fine-tuning rows: .jsonl, .json, .csv, .parquet, a folder, or ORG/NAME."""
    out: Annotated[str, arg(aliases=["-o"])]
    """Folder for the adapter or model, its record and curves."""
    full: bool = False
    """Train all weights instead of an adapter."""
    rank: int = 16
    """Rank of the LoRA adapter."""
    alpha: float | None = None
    """Its scale; twice the rank unless given."""
    dropout: float = 0.0
    """Dropout in front of the adapter."""
    targets: tuple[str, ...] = ()
    """Ends of the names of the layers that get an adapter; all linear layers unless given."""
    rate: float | None = None
    """Highest learning rate; 2e-4 for an adapter, 2e-5 for all weights."""
    batch: int = 16
    """Rows of one update, over all devices and micro-batches."""
    accumulate: int = 1
    """Micro-batches of an update on each device; changes memory, not what is learnt."""
    epochs: float = 1.0
    """Passes over the rows."""
    steps: int | None = None
    """Updates, instead of epochs."""
    warmup: float = 0.03
    """Share of the steps in which the rate rises; it falls to 0 along a cosine afterwards."""
    beta1: float = 0.9
    """First moment's decay in AdamW."""
    clip: float = 1.0
    """Longest gradient."""
    mask: Literal["assistant", "last", "all"] = "assistant"
    """What is learnt of a row: all assistant turns, the last one, or every token."""
    max_length: int = 2048
    """Tokens a row may have."""
    long: Literal["refuse", "drop", "cut"] = "refuse"
    """What becomes of longer rows: an error before anything starts, left out, or cut at their end."""
    packing: bool = False
    """Rows of a micro-batch in one sequence without padding, each seeing only itself."""
    side: Literal["left", "right"] = "right"
    """Where padding stands; changes nothing."""
    dtype: Dtype = "auto"
    """Of the weights; auto is float32 on a CPU, the checkpoint's own on a GPU."""
    precision: Literal["auto", "no", "bf16", "fp16"] = "auto"
    """Mixed precision of the passes; auto is bf16 on a GPU that has it, no elsewhere."""
    device: str = "auto"
    """cpu, or auto: the first GPU, else the CPU; accelerate launch places several."""
    checkpointing: bool = False
    """Compute layers again on the way back instead of keeping them: slower, less memory."""
    save_every: int = 200
    """Steps between checkpoints, from which a killed run goes on."""
    log_every: int = 10
    """Steps between lines of curves.jsonl."""
    report_to: tuple[str, ...] = ()
    """Loggers of transformers: tensorboard, wandb, …"""
    monitor: Every = "auto"
    """Steps between readings of first tokens that watch safety; auto: as many as let all of them take 3 % of the time,
    with limits four at least; off."""
    monitor_prompts: int = 24
    """Requests of a reading, and as many look-alikes; half of them again as the rows ask."""
    monitor_suites: tuple[str, ...] = SUITES
    """Where these come from; suites that certify are no choice."""
    stop_if: tuple[str, ...] = ()
    """Limits that end the run, such as 'lost>0.1' 'own/gap>2'; figures: gap, lost, gained, kl, each also as own/…"""
    stop_after: int = 2
    """Readings in a row beyond a limit that end it; at the last step one is enough."""
    on_stop: Literal["end", "roll-back"] = "roll-back"
    """Leave the weights as they are, or put back those of the last reading within all limits."""
    seed: int = 0
    """Of rows' order, adapter and dropout."""
    no_cache: bool = False
    """Neither use nor fill the shared cache of the model's own answers and the reference's log-probabilities."""
    cache_dir: str = "~/.cache/tuneward"
    """Where these are kept."""
    overwrite: bool = False
    """Replace what another run left in the folder."""
    dry_run: bool = False
    """Read rows and defences, say what would be done, train nothing."""

    def __post_init__(self) -> None:
        self._counted()
        for name, value in (("warmup", self.warmup), ("beta1", self.beta1), ("dropout", self.dropout)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} is {value}; expected 0 or more, below 1")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ValueError(f"rate is {self.rate}; expected a learning rate such as 2e-4")
        if self.epochs <= 0 or self.clip < 0:
            raise ValueError(f"epochs {self.epochs} and clip {self.clip}; expected more than 0, and 0 or more")
        if self.full and (self.alpha is not None or self.targets or self.dropout):
            raise ValueError("full: all weights are trained, so alpha, dropout and targets have no adapter to be for")

        if limits(self.stop_if) and self.watched.every == "off":
            raise ValueError(f"stop-if {self.stop_if[0]}: the monitor is off, so nothing could stop the run")

    def _counted(self) -> None:
        names = ("rank", "batch", "accumulate", "max_length", "save_every", "log_every")
        for name in names if self.steps is None else (*names, "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if self.batch < self.accumulate:
            raise ValueError(f"batch {self.batch} cannot be split over {self.accumulate} micro-batches")

    @property
    def watched(self) -> How:
        """How it is watched."""
        return How(
            every=self.monitor,
            prompts=self.monitor_prompts,
            suites=self.monitor_suites,
            after=self.stop_after,
            on_stop=self.on_stop,
            stop_if=self.stop_if,
        )

    @property
    def highest(self) -> float:
        """The learning rate."""
        return self.rate if self.rate is not None else (2e-5 if self.full else 2e-4)
