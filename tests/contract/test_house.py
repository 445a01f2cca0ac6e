"""The rules of the house, held against the source itself."""

import ast
import dataclasses
import importlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_type_hints

import pytest

import tuneward
from tuneward.cli import VERBS, Voice, parse

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tuneward"
FILES = sorted(SOURCE.rglob("*.py"))
EXPORTED = {"Chat", "Message", "Record", "Reply", "Score", "Scorer", "__version__"}
HOOKS = {("model/kv.py", "decode_attention"), ("model/kv.py", "update")}
CALLED = ("on_train_begin", "on_step_begin", "on_step_end", "on_log", "on_save", "on_train_end")
HOOKS |= {(f"tune/{file}.py", name) for file in ("trainer", "training", "monitor") for name in CALLED}
"""Functions whose signature belongs to a library: the only ones that may take **kwargs."""
VAGUE = {"utils", "util", "core", "common", "manager", "managers", "base", "helper", "helpers", "misc"}
RUNS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUNS_ANYTHING = {"eval", "exec", "torch.load", "torch.hub.load", "numpy.load", "np.load", "os.system"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def every(kind: type | tuple[type, ...], *, outside: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.AST]]:
    for path in FILES:
        if name(path) not in outside:
            yield from ((name(path), node) for node in ast.walk(tree(path)) if isinstance(node, kind))


def functions() -> Iterator[tuple[str, Function]]:
    return ((file, node) for file, node in every((ast.FunctionDef, ast.AsyncFunctionDef)) if isinstance(node, Function))


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


# names and sizes ------------------------------------------------------------------------------------------------------


def test_the_package_exports_these_names_and_no_others() -> None:
    assert set(tuneward.__all__) == EXPORTED
    assert len(EXPORTED) <= 25
    assert all(hasattr(tuneward, exported) for exported in EXPORTED)


def test_the_version_is_said_once_and_stands_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == tuneward.__version__
    assert tuneward.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert len(project["dependencies"]) <= 6


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name(path) for path in FILES if VAGUE & set(path.stem.split("_"))] == []


def test_files_have_400_lines_at_most() -> None:
    long = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {file: lines for file, lines in long.items() if lines > 400} == {}


def test_functions_have_60_lines_and_5_parameters_at_most() -> None:
    found = []
    for file, node in functions():
        taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        own = [arg for arg in taken if arg.arg not in ("self", "cls")]
        if (node.end_lineno or 0) - node.lineno >= 60 or (len(own) > 5 and (file, node.name) not in HOOKS):
            found.append(f"{file}:{node.lineno} {node.name}")
    assert found == []


def test_what_is_public_says_what_it_is() -> None:
    silent = [name(path) for path in FILES if not ast.get_docstring(tree(path))]
    for path in FILES:
        public = [node for node in tree(path).body if isinstance(node, Function | ast.ClassDef) and node.name[0] != "_"]
        silent += [f"{name(path)}: {node.name}" for node in public if not ast.get_docstring(node)]
    assert silent == []


# what code may not do -------------------------------------------------------------------------------------------------


def test_nothing_broad_is_caught_outside_the_command_line() -> None:
    """A handler that cleans up and raises again catches nothing."""
    found = []
    for file, node in every(ast.ExceptHandler, outside=("cli.py",)):
        assert isinstance(node, ast.ExceptHandler)
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)
        again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if broad and not again:
            found.append(f"{file}:{node.lineno}")
    assert found == []


def test_only_library_hooks_take_any_keyword() -> None:
    assert {(file, node.name) for file, node in functions() if node.args.kwarg} <= HOOKS


def test_only_the_command_line_reads_the_environment_and_only_endpoints_read_keys() -> None:
    found = []
    for file, node in every((ast.Attribute, ast.ImportFrom), outside=("cli.py", "remote.py")):
        words = [node.attr] if isinstance(node, ast.Attribute) else [alias.name for alias in node.names]  # type: ignore[attr-defined]
        if {"environ", "environb", "getenv", "putenv"} & set(words):
            found.append(f"{file}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == []


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    found = []
    for file, function in functions():
        if file not in ("cli.py", "voice.py", "__main__.py"):
            inner = [node for node in ast.walk(function) if any(i.split(".")[0] == "tuneward" for i in imported(node))]
            found += [f"{file}:{node.lineno}" for node in inner]  # type: ignore[attr-defined]
    assert found == []


def test_input_is_never_checked_by_assert() -> None:
    assert [file for file, _ in every(ast.Assert)] == []


def test_no_code_from_a_checkpoint_is_ever_run() -> None:
    """G9: no remote code, no pickles, no torch.load, no eval."""
    found = []
    for file, node in every((ast.keyword, ast.Import, ast.ImportFrom, ast.Call)):
        if isinstance(node, ast.keyword):
            off = isinstance(node.value, ast.Constant) and node.value.value is False
            bad = node.arg == "trust_remote_code" and not off
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            bad = called in RUNS_ANYTHING and "allow_pickle=False" not in ast.unparse(node)
        else:
            bad = any(one.split(".")[0] in RUNS_CODE for one in imported(node))
        if bad:
            found.append(f"{file}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == []


def test_models_are_loaded_in_one_place_and_say_no_to_remote_code() -> None:
    """G9: every `from_pretrained` of a model or tokenizer says `trust_remote_code=False` itself."""
    calls = [(file, node) for file, node in every(ast.Call) if isinstance(node, ast.Call)]
    loading = [(f, c) for f, c in calls if ast.unparse(c.func).endswith(".from_pretrained")]
    assert {file for file, _ in loading} == {"model/load.py"}
    for file, call in loading:
        if "Auto" in ast.unparse(call.func):
            assert "trust_remote_code" in {keyword.arg for keyword in call.keywords}, f"{file}:{call.lineno}"


# settings -------------------------------------------------------------------------------------------------------------


def options(word: str) -> type:
    module, kind = VERBS[word].options.split(":")
    found: type = getattr(importlib.import_module(module), kind)
    return found


def words_of(word: str) -> list[str]:
    """Something for every word that the verb asks for, and for every option that it cannot do without."""
    needed = [f.name for f in dataclasses.fields(options(word)) if f.default is dataclasses.MISSING]
    said = {
        "what": ["init"],
        "regime": ["explicit"],
        "out": ["--out", "some-out"],
        "rows": ["--rows", "some-rows"],
        "by": ["--by", "rubric:some-model"],
    }
    return [part for name in needed for part in said.get(name, [f"some-{name}"])]


@pytest.mark.parametrize("word", VERBS)
def test_each_flag_does_what_its_name_says(word: str) -> None:
    """G7: a flag is off unless it is said, saying it turns it on, and it changes nothing else."""
    before, voice = parse(word, words_of(word))
    for given, kind in ((before, options(word)), (voice, Voice)):
        for flag in (field for field in dataclasses.fields(kind) if get_type_hints(kind)[field.name] is bool):
            assert getattr(given, flag.name) is False, f"{word}: --{flag.name} is on by itself"
            after = parse(word, [*words_of(word), "--" + flag.name.replace("_", "-")])
            changed = after[0] if given is before else after[1]
            assert dataclasses.replace(given, **{flag.name: True}) == changed


@pytest.mark.parametrize("word", VERBS)
def test_each_setting_is_frozen_named_and_explained(word: str) -> None:
    kind = options(word)
    source = (ROOT / "src" / Path(*kind.__module__.split("."))).with_suffix(".py")
    text = (source if source.is_file() else source.with_suffix("") / "__init__.py").read_text(encoding="utf-8")
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert all(field.kw_only for field in dataclasses.fields(kind))
    for field in dataclasses.fields(kind):
        assert re.search(rf'^    {field.name}: .*\n    """\S', text, re.M), (
            f"{word}: {field.name} has no sentence under it"
        )


@pytest.mark.parametrize("word", VERBS)
@pytest.mark.parametrize("wrong", ["--limmit", "--ver", "--quite"])
def test_unknown_and_abbreviated_options_are_errors(word: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"tuneward {word}: "):
        parse(word, [*words_of(word), wrong])
