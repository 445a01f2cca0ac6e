"""The audit's settings. Apart from the verb, so that `audit --help` loads no model library."""

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tuneward.blend.options import parse_blend
from tuneward.endpoint import is_endpoint
from tuneward.model.spec import Dtype
from tuneward.suites.bundled import Language

Way = Literal["languages", "multiturn", "templates", "prefill"]
WEIGHTS: tuple[Way, ...] = ("templates", "prefill")
"""Ways that need the weights: no endpoint can be asked without its template, or to go on with a begun answer."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """Ask a tuned model and its base the same questions; say what changed, where, and how sure that is."""

    tuned: Annotated[Positional[str], arg(metavar="TUNED")]
    """The tuned model: a folder, an adapter folder, ORG/NAME[@REVISION], a .gguf file, or a model behind an endpoint:
    openai-api/PROVIDER/NAME, or http://HOST/v1#NAME."""
    base: str | None = None
    """The model it came from; an adapter names its own."""
    out: Annotated[str | None, arg(aliases=["-o"])] = None
    """Folder to write; NAME-audit unless given."""
    suites: tuple[str, ...] = ("policy", "twins", "utility")
    """What to ask: policy, twins, policy-dev, twins-dev, utility, a file or folder of suites, or a public set as
    LAYOUT:FILE or LAYOUT:ORG/NAME (advbench, harmbench, hexphi, jailbreakbench, orbench, sorrybench, strongreject,
    xstest)."""
    language: Language = "en"
    """Language of the bundled suites."""
    under: tuple[Way, ...] = ()
    """Ask the requests and their twins again: in the other language, in later turns, without and with other templates,
    after the first words of an answer."""
    own: str | None = None
    """A file of your own prompts (JSONL or CSV)."""
    own_columns: str = ""
    """Which of its columns hold what, e.g. prompt=question,expect=kind,answer=target."""
    rows: str | None = None
    """The rows the model was tuned on: requests and twins are also asked under their system prompts, wrappers and
    suffixes."""
    samples: int = 5
    """Samples at temperature 1 for some of the harmful requests, at most 44 families; 0 for none."""
    sequential: bool = False
    """Ask requests and twins in turn, one prompt a family in random order, and stop as soon as an axis is decided;
    without samples, contexts or other ways to ask."""
    worst: float = 0.05
    """Share of bad replies that the tuned model must be shown to stay under, with --sequential."""
    blend: str | None = None
    """Answer as the tuned model with its base as guide: log-mix, first-tokens or gated and its settings, such as
    "log-mix weight=.5 first=5"."""
    max_tokens: int | None = None
    """Longest reply in tokens; each suite's own limit unless given."""
    noise: bool = False
    """Ask the base again with a shuffled batch plan and no cache, and print the A/A noise floor."""
    seed: int = 0
    """Seed of the tasks, the draws and the resampling."""
    dtype: Dtype = "auto"
    """Precision of both arms; auto is float32 on a CPU, the checkpoint's own on a GPU."""
    device: str = "auto"
    """cpu, cuda:0, …; auto is the first GPU, else the CPU."""
    batch_size: int | None = None
    """Prompts asked together, the same for both arms; from free memory unless given."""
    concurrency: int = 8
    """Prompts under way at once at an endpoint."""
    timeout: float = 120.0
    """Seconds that one answer of an endpoint may take."""
    price: tuple[float, float] | None = None
    """Dollars a million tokens of an endpoint, read and written, for the estimate."""
    limit: int | None = None
    """Ask only the first families of each suite: for a look, never for a gate."""
    policy: str | None = None
    """Policy file of the gate that follows; its default unless given."""
    include_text: bool = False
    """Put prompts and answers of changed pairs into audit.json and the page (never of category 2)."""
    delete_replies: bool = False
    """Keep no reply once it is scored."""
    no_cache: bool = False
    """Neither use nor fill the shared cache, nor record that `policy` was asked; a cut run still resumes."""
    cache_dir: str = "~/.cache/tuneward"
    """Where finished batches are kept."""
    overwrite: bool = False
    """Replace another audit that stands in the folder."""
    dry_run: bool = False
    """Say what would be asked and how long it may take; ask nothing."""

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("batch_size", self.batch_size), ("max_tokens", self.max_tokens)):
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; expected 1 or more")
        if self.samples < 0:
            raise ValueError(f"samples is {self.samples}; expected 0 or more")
        self._in_turn()
        if self.timeout <= 0 or self.concurrency < 1:
            raise ValueError(f"timeout {self.timeout} and concurrency {self.concurrency}; expected more than 0 of both")
        remote = next((name for name in (self.tuned, self.base) if name and is_endpoint(name)), None)
        if remote and self.base is None:
            raise ValueError(f"{remote}: an endpoint does not name the model it came from; give --base")
        if self.blend is not None:
            self._blended(remote)
        needs = [way for way in self.under if way in WEIGHTS]
        if remote and needs:
            raise ValueError(f"under {', '.join(needs)}: needs the weights, and {remote} is behind an endpoint")
        if not self.suites and not self.own:
            raise ValueError("suites is empty; name at least one, or give --own FILE")

    def _blended(self, remote: str | None) -> None:
        """A blend that there is not, or that cannot be asked here."""
        parse_blend(str(self.blend))
        if remote:
            raise ValueError(f"blend: needs the weights of both models, and {remote} is behind an endpoint")
        if self.sequential:
            raise ValueError("blend: how often the guide steps in is known only at the end; leave out --sequential")

    def _in_turn(self) -> None:
        """What cannot be asked in turn, or against no sensible limit."""
        if not 0 < self.worst < 1:
            raise ValueError(f"worst is {self.worst}; expected a share between 0 and 1, such as 0.05")
        given = [word for word, value in (("under", self.under), ("rows", self.rows)) if value]
        if self.sequential and given:
            raise ValueError(
                f"sequential: asks plainly, in turn; leave out {' and '.join(given)}, or audit apart for them"
            )
