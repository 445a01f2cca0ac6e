"""What the screen finds of what was planted, and where it is wrong.

    python bench/screen/measure.py run --out WORK --background FILE [FILE …] --rows 1000 100000 --k 3 5 8 10 25 100
        [--seeds 0 1 2] [--plants all | obedience …] [--half dev | held_out] [--processes 1]
        [--together]
    python bench/screen/measure.py baselines --out WORK --background FILE [FILE …] --rows 1000 --k 10 [--seeds 0 1 2]
    python bench/screen/measure.py alarms [--files dolly gsm8k_train gsm8k_test seed_tasks] [--most 40]
    python bench/screen/measure.py table

`run` writes one set a plant, k, size and seed with planted.py, screens it in this process, compares findings with what
is known of the rows, and removes the set: figures stay in measured.json, texts and ids of planted rows nowhere. A run
that was cut goes on where it was. `baselines` ranks the same rows by trivial figures. `alarms` screens files of benign
rows and prints what is found, without the words. `table` prints all of it as Markdown.

A million rows need 4 GB of disk and some minutes for each set: name the plants, and let those of different classes
share a set (`--together`; groups only: backdoor, output, association, one-answer, obedience, duplicate).
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

import measure_tables as tables
import msgspec
from baselines import compared
from measure_alarms import listed, looked, path_of
from measure_sets import Case, Figures, cases, code, each, kept, on_set, one, together
from measure_sum import joined, lines

from tuneward.record import to_json, write_atomic

OUT = Path(__file__).with_name("measured.json")
Row = dict[str, Any]


def teller(total: int) -> Callable[[Case, Any], None]:
    """Says how far a run is, on the error channel."""
    begun, done = time.perf_counter(), [0]

    def tell(case: Case, _: Any) -> None:
        done[0] += 1
        where = f"{', '.join((case.plant, *case.beside))}, {case.rows:,} rows, k = {case.k}, seed {case.seed}"
        print(f"{done[0]}/{total} · {time.perf_counter() - begun:,.0f} s · {where}", file=sys.stderr, flush=True)

    return tell


def figures_of(case: Case, *, background: Sequence[Path], work: Path, version: str) -> list[Figures]:
    """A set's figures, from an earlier run of the same code if there are any."""
    file = kept(case, work, version)
    if file.exists():
        return msgspec.json.decode(file.read_bytes(), type=list[Figures])
    made = one(case, background, work, version)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, to_json(made))
    return made


def todo_of(options: argparse.Namespace) -> list[Case]:
    """The sets that the words ask for."""
    return cases(options.plants, rows=options.rows, ks=options.k, seeds=options.seeds, half=options.half)


def run(options: argparse.Namespace, results: Row) -> str:
    """Every set; new lines take the place of old ones about the same."""
    version, todo = code(), todo_of(options)
    todo = together(todo) if options.together else todo
    work = partial(figures_of, background=options.background, work=options.out, version=version)
    found = lines(chain.from_iterable(each(todo, work, processes=options.processes, tell=teller(len(todo)))))
    if code() != version:
        raise ValueError(
            "the screen's files changed during the run, so its figures are of no one version; run it again"
        )
    results["sets"] = joined(results.get("sets", []), found)
    return shown_sets(found)


def ranked_of(case: Case, *, background: Sequence[Path], work: Path) -> Row:
    """The screen and the baselines on one set."""
    _, found = on_set(case, background, work, look=lambda folder, told, _: compared(folder, told))
    return {"plant": case.plant, "rows": case.rows, "k": case.k, "ranked": found}


def baselines(options: argparse.Namespace, results: Row) -> str:
    """Rankings of every set, means over seeds; plants with nothing to be found have none."""
    version, todo = code(), todo_of(options)
    work = partial(ranked_of, background=options.background, work=options.out)
    by_name: dict[tuple[str, int, int], list[Row]] = {}
    for line in each(todo, work, processes=options.processes, tell=teller(len(todo))):
        if line["ranked"]["screen"]["auroc"] is not None:
            by_name.setdefault((line["plant"], line["rows"], line["k"]), []).append(line["ranked"])
    made = [
        {
            **dict(zip(("plant", "rows", "k"), name, strict=True)),
            "ranked": {
                of: {key: round(fmean(one[of][key] for one in own), 4) for key in ("auroc", "precision")}
                for of in own[0]
            },
        }
        for name, own in by_name.items()
    ]
    results["baselines"] = {"half": options.half, "seeds": options.seeds, "code": version, "lines": made}
    return tables.rankings(results["baselines"])


def alarms(options: argparse.Namespace, results: Row) -> str:
    """Findings on benign files, printed one by one without their words."""
    found, told = [], []
    for path in map(path_of, options.files):
        figures, seen = looked(path)
        found.append(figures)
        told += [f"\n{path.name}\n", *listed(seen, most=options.most)]
    results["alarms"] = {"code": code(), "files": found}
    return "\n".join([tables.alarms(results["alarms"]), *told])


def shown_sets(found: Sequence[Row]) -> str:
    """All tables on planted sets."""
    versions = sorted({name for line in found for name in line["code"]})
    parts = [
        ("Obedience texts, each alone", tables.texts(found)),
        ("Rows found", tables.recall(found)),
        ("Groups found", tables.detection(found)),
        ("Kind by kind", tables.kinds(found)),
        ("Which rules", tables.rules(found)),
        ("Alarms", tables.quiet(found)),
        ("Time", tables.times(found)),
    ]
    mixed = "\nThese figures are of several versions of the screen: run again before they are used.\n"
    return (mixed if len(versions) > 1 else "") + "\n\n".join(f"### {head}\n\n{text}" for head, text in parts)


def shown(results: Row) -> str:
    """Everything that was measured."""
    parts = [shown_sets(results["sets"])] if "sets" in results else []
    parts += [f"### Baselines\n\n{tables.rankings(results['baselines'])}"] if "baselines" in results else []
    parts += [f"### Benign files\n\n{tables.alarms(results['alarms'])}"] if "alarms" in results else []
    return "\n\n".join(parts)


def parser() -> argparse.ArgumentParser:
    """The words."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, default=OUT, help="where figures are kept")
    steps = made.add_subparsers(dest="step", required=True)
    for name in ("run", "baselines"):
        step = steps.add_parser(name)
        step.add_argument("--out", type=Path, required=True, help="folder to work in")
        step.add_argument("--background", type=Path, nargs="+", required=True)
        step.add_argument("--rows", type=int, nargs="+", default=[1000])
        step.add_argument("--k", type=int, nargs="+", default=[10])
        step.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
        step.add_argument("--plants", nargs="+", default=["all"])
        step.add_argument("--half", choices=("dev", "held_out"), default="dev")
        step.add_argument("--processes", type=int, default=1)
    together_help = "plants of different classes share a set"
    steps.choices["run"].add_argument("--together", action="store_true", help=together_help)
    step = steps.add_parser("alarms")
    step.add_argument("--files", nargs="+", default=["dolly", "gsm8k_train", "gsm8k_test", "seed_tasks"])
    step.add_argument("--most", type=int, default=40, help="alarms of a rule that are printed")
    steps.add_parser("table")
    return made


def main(words: Sequence[str] | None = None) -> None:
    """Read the words, do the step."""
    options = parser().parse_args(words)
    results: Row = msgspec.json.decode(options.json.read_bytes()) if options.json.is_file() else {}
    steps = {"run": run, "baselines": baselines, "alarms": alarms}
    if options.step == "table":
        print(shown(results))
        return
    said = steps[options.step](options, results)
    write_atomic(options.json, to_json(results))
    print(said)


if __name__ == "__main__":
    main()
