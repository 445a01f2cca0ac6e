"""gate: a finished audit under a policy gives an exit code, and a file for each place that shows it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from tuneward.policy import judge, read_policy
from tuneward.results import Judged, read_audit, write_verdict


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """Judge a finished audit by a policy: may this model ship?"""

    folder: Annotated[Positional[str], arg(metavar="FOLDER")]
    """Folder of a finished audit or comparison."""
    policy: str | None = None
    """The policy file; without it the one in the folder, else the default, which `tuneward policy init` writes."""


def run(options: GateOptions, *, today: date | None = None) -> Judged:
    """Write verdict.json, junit.xml and summary.md into the folder; the exit code is the verdict's.

    Raises:
        FileNotFoundError: no folder, audit, record or policy.
        ValueError: one of them cannot be read.
    """
    folder = Path(options.folder)
    own = folder / "policy.toml"
    chosen = Path(options.policy) if options.policy is not None else own if own.is_file() else None
    policy, policy_hash = read_policy(chosen)
    audit = read_audit(folder)
    verdict = judge(audit, policy, today=today or date.today(), policy_hash=policy_hash)
    write_verdict(folder, audit, verdict=verdict)
    return Judged(audit, verdict, folder)
