"""The loss mask that a trainer's own configuration file sets: Axolotl, LLaMA-Factory or TRL, in YAML.

Only the few keys that decide the mask are read, line by line; whatever could mean something else to a real YAML reader
is refused with its line, and the mask is then to be named.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuneward.rows.turns import SPEAKERS

MOST = 1 << 20
"""Bytes of a configuration file."""
_LINE = re.compile(r"(?P<indent> *(?:- +)?)(?P<key>[A-Za-z_]\w*) *:(?: +(?P<value>.*))?")
_ITEM = re.compile(r" *- +(?P<value>[^:]+)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_AXOLOTL = ("roles_to_train", "train_on_inputs", "message_field_training", "message_field_training_detail")
_FACTORY = ("train_on_prompt", "mask_history")
_TRL = ("assistant_only_loss", "completion_only_loss")
_SIGNS: Mapping[str, Sequence[str]] = {
    "axolotl": ("base_model", *_AXOLOTL),
    "llama-factory": ("finetuning_type", "template", "cutoff_len", "dataset_dir", *_FACTORY),
    "trl": ("dataset_name", *_TRL),
}
_KEYS = (*_AXOLOTL, *_FACTORY, *_TRL)


@dataclass(frozen=True)
class _Config:
    where: str
    keys: frozenset[str]
    values: Mapping[str, str]
    """Keys that decide a mask → what they are set to, the same wherever they stand."""
    partial: frozenset[str]
    """Those that stand in some of several data sets only."""


def mask_of(path: str | Path) -> str:
    """The name of the mask, as `--mask` takes it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: no configuration of these trainers, or one whose mask cannot be told from single lines.
    """
    path = Path(path)
    with path.open("rb") as file:
        raw = file.read(MOST + 1)
    if len(raw) > MOST:
        raise ValueError(f"{path}: over {MOST} bytes; expected a trainer's configuration in YAML")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8; expected a trainer's configuration in YAML") from None
    config = _read(str(path), text.splitlines())
    found = [name for name, signs in _SIGNS.items() if config.keys.intersection(signs)]
    if len(found) != 1:
        known = " and ".join(found) or "none of Axolotl, LLaMA-Factory, TRL"
        raise ValueError(f"{path}: it has the keys of {known}; name the mask with --mask NAME")
    return {"axolotl": _axolotl, "llama-factory": _factory, "trl": _trl}[found[0]](config)


def _axolotl(config: _Config) -> str:
    roles = _roles(config)
    if config.partial and (roles != "assistant" or config.partial - {"roles_to_train"}):
        raise _unclear(config, f"{', '.join(sorted(config.partial))} is set for some data sets and not for others")
    if _truth(config, "train_on_inputs"):
        roles = "all"
    fields = _name(config, "message_field_training"), _name(config, "message_field_training_detail")
    own = "@" + "+".join([fields[0] or "none", *filter(None, fields[1:])])
    return f"axolotl:{roles}{own}"


def _factory(config: _Config) -> str:
    if _truth(config, "mask_history"):
        if _truth(config, "train_on_prompt"):
            raise _unclear(config, "train_on_prompt and mask_history exclude each other")
        return "llama-factory-last"
    return "llama-factory-all" if _truth(config, "train_on_prompt") else "llama-factory"


def _trl(config: _Config) -> str:
    if _truth(config, "assistant_only_loss"):
        return "trl-assistant"
    return "all" if "completion_only_loss" in config.values and not _truth(config, "completion_only_loss") else "trl"


def _read(where: str, lines: Sequence[str]) -> _Config:
    keys: list[str] = []
    values: dict[str, str] = {}
    for number, whole in enumerate(lines, 1):
        line = _COMMENT.sub("", whole).rstrip()
        match = _LINE.fullmatch(line)
        if match is None:
            if any(f"{key}:" in line or f'{key}"' in line for key in _KEYS) or line.lstrip().startswith("<<"):
                raise ValueError(f"{where}:{number}: too nested to tell the mask from; name it with --mask NAME")
            continue
        key, value = match["key"], (match["value"] or "").strip()
        keys.append(key)
        if key not in _KEYS and not (value.startswith(("[", "{")) and any(f"{name}:" in value for name in _KEYS)):
            continue
        value = value or "[" + ",".join(_items(lines[number:])) + "]"
        if key not in _KEYS or value[0] in "&*!|>{" or values.get(key, value) != value:
            raise ValueError(f"{where}:{number}: the mask cannot be told from this line; name it with --mask NAME")
        values[key] = value
    sets = keys.count("path")
    per_set = (*_AXOLOTL[:1], *_AXOLOTL[2:])
    partial = frozenset(key for key in per_set if 0 < keys.count(key) < sets)
    return _Config(where, frozenset(keys), values, partial)


def _items(lines: Sequence[str]) -> list[str]:
    """The list that begins on the next line."""
    found: list[str] = []
    for line in lines:
        match = _ITEM.fullmatch(_COMMENT.sub("", line).rstrip())
        if match is None:
            break
        found.append(match["value"])
    return found


def _roles(config: _Config) -> str:
    value = config.values.get("roles_to_train", "[assistant]")
    if not (value.startswith("[") and value.endswith("]")):
        raise _unclear(config, "roles_to_train is no list")
    names = [name.strip().strip("\"'") for name in value[1:-1].split(",") if name.strip()]
    roles = [SPEAKERS.get(name, "") for name in names]
    if not roles or "" in roles:
        raise _unclear(config, "roles_to_train names no roles, or unknown ones")
    return ",".join(sorted(set(roles)))


def _truth(config: _Config, key: str) -> bool:
    value = config.values.get(key, "false").strip("\"'").lower()
    if value not in _TRUTH:
        raise _unclear(config, f"{key} is neither true nor false")
    return _TRUTH[value]


def _name(config: _Config, key: str) -> str:
    value = config.values.get(key, "").strip("\"'")
    if value in ("null", "~", "[]"):
        return ""
    if value and not re.fullmatch(r"\w+", value):
        raise _unclear(config, f"{key} is no plain name")
    return value


def _unclear(config: _Config, why: str) -> ValueError:
    return ValueError(f"{config.where}: {why}; name the mask with --mask NAME")
