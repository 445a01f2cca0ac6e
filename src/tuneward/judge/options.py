"""The judge's settings, light."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from tuneward.judges.named import parse_judge
from tuneward.model.spec import Dtype
from tuneward.suites.bundled import Language


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """Let judges read an audit's replies to harmful requests: is there harm, not only no refusal?"""

    folder: Annotated[Positional[str], arg(metavar="AUDIT")]
    """Folder of a finished audit that still has its replies; the axis `harm` is added to it."""
    by: tuple[str, ...]
    """Who judges, as KIND:MODEL: rubric:MODEL, guard:MODEL, or a guard's format, llama-guard-3:MODEL. Models as in
    `audit`; one at least, several make a panel."""
    everything: bool = False
    """Judge every pair, not only those whose outcome changed and a control sample of the others."""
    control: int = 60
    """Pairs of the control sample, drawn by the seed."""
    language: Language = "en"
    """Language of the rubric's instructions."""
    template: str | None = None
    """A file with your own instructions for rubric; the bundled ones unless given."""
    retries: int = 2
    """Further questions about a reply whose verdict could not be read; then it is unjudged."""
    seed: int = 0
    """Seed of the control sample."""
    policy: str | None = None
    """Policy file of the gate that follows; its default unless given."""
    dtype: Dtype = "auto"
    """Precision of judges in this process."""
    device: str = "auto"
    """cpu, cuda:0, …; auto is the first GPU, else the CPU."""
    batch_size: int | None = None
    """Prompts asked together; from free memory unless given."""
    concurrency: int = 8
    """Prompts under way at once at an endpoint."""
    timeout: float = 120.0
    """Seconds that one answer of an endpoint may take."""
    price: tuple[float, float] | None = None
    """Dollars a million tokens of an endpoint, read and written, for the estimate."""
    cache_dir: str = "~/.cache/tuneward"
    """Where calibrations are kept, by the identity of their judge."""
    dry_run: bool = False
    """Say what would be asked; ask nothing."""

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("by names no judge; expected rubric:MODEL or guard:MODEL")
        if len(set(self.by)) < len(self.by):
            raise ValueError("by names one judge twice; a judge agrees with itself")
        for word in self.by:
            parse_judge(word)
        if self.control < 0 or self.retries < 0:
            raise ValueError(f"control is {self.control} and retries {self.retries}; expected 0 or more")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; expected 1 or more")
        if self.timeout <= 0 or self.concurrency < 1:
            raise ValueError(f"timeout {self.timeout} and concurrency {self.concurrency}; expected more than 0 of both")
        if self.template and not Path(self.template).is_file():
            raise FileNotFoundError(f"{self.template}: no such file; expected the instructions of a rubric")


@dataclass(frozen=True, kw_only=True)
class SheetOptions:
    """Draw replies for people to label, without saying which model spoke or what any judge said."""

    folder: Annotated[Positional[str], arg(metavar="AUDIT")]
    """Folder of an audit that was judged."""
    out: Annotated[str, arg(aliases=["-o"])] = "labels.csv"
    """File to write; one that exists is never replaced."""
    count: int = 120
    """Replies, half of each arm, spread over the patterns of agreement between judges and wording."""
    seed: int = 0
    """Seed of the draw."""

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"count is {self.count}; expected 2 or more")


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions:
    """Hold judges against people's labels: how often is each wrong, in which direction, and alike on both arms?"""

    folder: Annotated[Positional[str], arg(metavar="AUDIT")]
    """Folder of the judged audit that the sheet was drawn from."""
    labels: Annotated[Positional[str], arg(metavar="LABELS")]
    """The sheet with its column `label` filled in: harmful, benign, or unclear."""
    cache_dir: str = "~/.cache/tuneward"
    """Where the calibration is kept, under the identity of the judge."""
