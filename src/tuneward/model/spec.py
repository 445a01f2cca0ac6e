"""Model names as users of the ecosystem write them → where the files are."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from tuneward.endpoint import is_endpoint, parse_endpoint
from tuneward.weights import weight_files

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
UNSUPPORTED = {
    "vllm": "vLLM models are not supported in this process; serve it and name http://HOST:8000/v1#NAME",
    "openai-api": "only `audit` and `judge` ask models behind an endpoint; this needs the weights",
    "mockllm": "a mock has nothing to audit",
}
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+\Z")
ALIASES = {"pretrained", "peft", "revision", "dtype"}


@dataclass(frozen=True)
class ModelSpec:
    """A model by place, not yet loaded."""

    name: str
    """A folder, or a hub id ORG/NAME."""
    revision: str | None = None
    adapter: str | None = None
    """Folder or hub id of a PEFT adapter on top of `name`."""
    gguf: str | None = None
    """File name inside the folder or repository."""
    dtype: Dtype = "auto"

    @property
    def folder(self) -> Path | None:
        """The local folder, when there is one."""
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None


def parse(text: str) -> ModelSpec:
    """`path`, `ORG/NAME[@REV]`, `hf/…`, `peft://…`, `hf:ORG/REPO/FILE.gguf`, `file.gguf` or `pretrained=…,peft=…`.

    Raises:
        ValueError: for a form that is unknown or not supported.
        FileNotFoundError: for a path that does not exist.
    """
    if not text.strip():
        raise ValueError("model name is empty; expected a folder, ORG/NAME, or a .gguf file")
    if "=" in text and not Path(text).exists():
        return _from_alias(text)
    scheme = text.split("/", 1)[0]
    if scheme in UNSUPPORTED:
        raise ValueError(f"{text}: {UNSUPPORTED[scheme]}; expected a folder, ORG/NAME, or a .gguf file")
    adapter = text.startswith("peft://")
    place = text.removeprefix("peft://").removeprefix("hf:").removeprefix("hf/")
    if place.endswith(".gguf"):
        return _from_gguf(place)
    spec = _from_place(place)
    return _on_its_base(spec) if adapter or _is_adapter(spec) else spec


def base_of(tuned: ModelSpec) -> ModelSpec:
    """The model that an adapter sits on.

    Raises:
        ValueError: it is no adapter, and nothing else names the model it came from.
    """
    if tuned.adapter is None:
        raise ValueError(f"{tuned.name}: it is no adapter and does not name the model it came from; give --base")
    return replace(tuned, adapter=None)


def usable(tuned: str, base: str | None) -> None:
    """Refuse two names of which no audit could come, reading no more than names and configurations.

    Of a model behind an endpoint only the form of its name can be told.

    Raises:
        ValueError, FileNotFoundError: as `parse`, `base_of` and `weight_files` do.
    """
    if is_endpoint(tuned) or is_endpoint(base or ""):
        for name in filter(None, (tuned, base)):
            _ = parse_endpoint(name) if is_endpoint(name) else parse(name)
        return
    spec = parse(tuned)
    for one in (parse(base) if base else base_of(spec), spec):
        if one.folder is not None and one.gguf is None:
            weight_files(one.folder)
        if one.adapter and Path(one.adapter).expanduser().is_dir():
            weight_files(Path(one.adapter).expanduser(), stem="adapter_model")


def _from_alias(text: str) -> ModelSpec:
    cut = [part.partition("=") for part in text.split(",")]
    parts = {key: value for key, _, value in cut}
    unknown = sorted(set(parts) - ALIASES)
    if unknown or not parts.get("pretrained"):
        raise ValueError(
            f"{text}: expected pretrained=…[,peft=…][,revision=…][,dtype=…], got {unknown or 'no pretrained'}"
        )
    dtype = parts.get("dtype", "auto")
    if dtype not in {"auto", "float32", "bfloat16", "float16"}:
        raise ValueError(f"{text}: unknown dtype {dtype!r}; expected auto, float32, bfloat16 or float16")
    spec = _from_place(parts["pretrained"])
    return replace(
        spec,
        revision=parts.get("revision") or spec.revision,
        adapter=parts.get("peft") or None,
        dtype=msgspec.convert(dtype, Dtype),
    )


def _from_gguf(place: str) -> ModelSpec:
    path = Path(place).expanduser()
    if path.is_file():
        return ModelSpec(str(path.parent), gguf=path.name)
    parts = place.split("/")
    if len(parts) < 3 or place.startswith((".", "/", "~")):
        raise FileNotFoundError(f"{place}: no such file; expected a .gguf file or hf:ORG/REPO/FILE.gguf")
    return ModelSpec("/".join(parts[:2]), gguf="/".join(parts[2:]))


def _from_place(place: str) -> ModelSpec:
    if Path(place).expanduser().is_dir():
        return ModelSpec(str(Path(place).expanduser()))
    name, _, revision = place.partition("@")
    if HUB_ID.match(name) and not place.startswith((".", "/", "~")):
        return ModelSpec(name, revision=revision or None)
    raise FileNotFoundError(f"{place}: no such folder; expected a model folder or a hub id ORG/NAME[@REVISION]")


def _is_adapter(spec: ModelSpec) -> bool:
    return spec.folder is not None and (spec.folder / "adapter_config.json").is_file()


def _on_its_base(adapter: ModelSpec) -> ModelSpec:
    """The base that an adapter names in its own configuration."""
    if adapter.folder is None:
        raise ValueError(
            f"{adapter.name}: an adapter on the hub must be downloaded first, or its base named with it: "
            f"pretrained=BASE,peft={adapter.name}"
        )
    path = adapter.folder / "adapter_config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a PEFT adapter folder")
    try:
        config = msgspec.json.decode(path.read_bytes(), type=dict)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error
    base = config.get("base_model_name_or_path")
    if not base:
        raise ValueError(f"{path}: base_model_name_or_path is empty; write the base's folder or hub id there")
    spec = _from_place(str(base) if Path(str(base)).is_dir() else _beside(adapter.folder, str(base)))
    return replace(spec, adapter=str(adapter.folder), revision=config.get("revision") or spec.revision)


def _beside(folder: Path, base: str) -> str:
    """A relative base is looked for beside the adapter as well as here."""
    near = folder.parent / base
    return str(near) if near.is_dir() else base
