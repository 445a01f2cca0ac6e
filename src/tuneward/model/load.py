"""Names → engines. The only caller of `from_pretrained`: no remote code, no pickles, no network for local paths."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from tuneward.chat import Arm
from tuneward.findings import ArmInfo
from tuneward.model.engine import Engine
from tuneward.model.spec import Dtype, ModelSpec, base_of
from tuneward.model.template import of_tokenizer, tokenizer_digest
from tuneward.record import digest
from tuneward.weights import checkpoint_digest, read_config, weight_files

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]


@dataclass(frozen=True)
class Place:
    """Where a model is to run, and in which precision."""

    device: str = "auto"
    dtype: Dtype = "auto"

    def resolved_device(self) -> str:
        """`auto` is the first GPU, else the CPU.

        Raises:
            ValueError: the machine has no such device.
        """
        if self.device == "auto":
            return "cuda:0" if torch.cuda.is_available() else "cpu"
        kind, _, number = self.device.partition(":")
        here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
        if not (number or "0").isdecimal() or int(number or 0) >= here.get(kind, 0):
            found = ", ".join(f"{name} ({count})" for name, count in here.items() if count)
            raise ValueError(f"device {self.device}: not on this machine; it has {found}")
        return self.device

    def resolved_dtype(self, folder: Path) -> torch.dtype:
        """`auto` is float32 on a CPU (an answer does not depend on its batch there), the checkpoint's own on a GPU."""
        if self.dtype != "auto":
            return DTYPES[self.dtype]
        if self.resolved_device() == "cpu" or not (folder / "config.json").is_file():
            return torch.float32
        config = read_config(folder / "config.json")
        return DTYPES.get(str(config.get("dtype") or config.get("torch_dtype")), torch.bfloat16)


def load_arms(tuned: ModelSpec, base: ModelSpec | None, *, place: Place) -> dict[Arm, Engine]:
    """Both arms; on one loaded model when the tuned one is a plain adapter on that very base, or is the base itself.

    Raises:
        ValueError: when no base is given and the tuned model does not name one.
    """
    base = base or base_of(tuned)
    base_engine = load(base, place=place)
    if tuned.adapter is None:
        same = _identity(tuned) == _identity(base) and base.adapter is None
        return {"base": base_engine, "tuned": base_engine if same else load(tuned, place=place)}
    obstacle = _why_apart(tuned, base)
    if obstacle:
        apart = load(tuned, place=place)
        return {
            "base": base_engine,
            "tuned": replace(apart, info=replace(apart.info, loading=f"loaded apart: {obstacle}")),
        }
    note = "adapter switched on and off on one loaded model"
    peft_model, adapted = attach(base_engine, tuned.adapter)
    off = replace(base_engine, switch=peft_model.disable_adapter, info=replace(base_engine.info, loading=note))
    return {"base": off, "tuned": replace(adapted, info=replace(adapted.info, loading=note))}


def load(spec: ModelSpec, *, place: Place) -> Engine:
    """One arm, with its adapter when it has one."""
    folder, commit = fetch(spec)
    wanted = place if spec.dtype == "auto" else replace(place, dtype=spec.dtype)
    dtype, device = wanted.resolved_dtype(folder), wanted.resolved_device()
    files = [folder / spec.gguf] if spec.gguf else weight_files(folder)
    try:
        model, tokenizer = _read(folder, spec, dtype)
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder}: cannot be loaded ({' '.join(str(error).split())})") from error
    template = of_tokenizer(tokenizer)
    info = ArmInfo(
        name=spec.name if spec.gguf is None else f"{spec.name}/{spec.gguf}",
        weights=checkpoint_digest(files, folder / "config.json"),
        tokenizer=tokenizer_digest(tokenizer),
        template=template.fingerprint,
        dtype=str(dtype).removeprefix("torch."),
        device=device,
        revision=commit,
    )
    engine = Engine(model.to(device).eval(), tokenizer, template, info)
    return attach(engine, spec.adapter)[1] if spec.adapter else engine


def attach(base: Engine, adapter: str) -> tuple[Any, Engine]:
    """Put an adapter on a loaded base, in place: the PEFT model, and the engine with the adapter on.

    A tokenizer saved with the adapter replaces the base's: its template is what the adapter was trained under.
    """
    folder = adapter_folder(adapter)
    files = weight_files(folder, stem="adapter_model")
    peft_model = PeftModel.from_pretrained(base.model, str(folder), is_trainable=False).eval()
    tokenizer = base.tokenizer
    if (folder / "tokenizer_config.json").is_file():
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    template = of_tokenizer(tokenizer)
    info = replace(
        base.info,
        name=str(folder),
        weights=digest([base.info.weights, checkpoint_digest(files, folder / "adapter_config.json")]),
        tokenizer=tokenizer_digest(tokenizer),
        template=template.fingerprint,
        adapter=str(folder),
    )
    return peft_model, replace(
        base, model=peft_model.get_base_model(), tokenizer=tokenizer, template=template, info=info
    )


def adapter_folder(adapter: str) -> Path:
    """The local folder of an adapter, fetched from the hub when it is not one already."""
    path = Path(adapter).expanduser()
    return path if path.is_dir() else fetch(ModelSpec(adapter))[0]


def fetch(spec: ModelSpec) -> tuple[Path, str | None]:
    """The folder that holds the model, and the commit it is at when it comes from the hub."""
    if spec.folder is not None:
        return spec.folder, None
    wanted = [*FILES, spec.gguf] if spec.gguf else FILES
    try:
        folder = Path(snapshot_download(spec.name, revision=spec.revision, allow_patterns=wanted))
    except OSError as error:
        reason = " ".join(str(error).split())
        raise FileNotFoundError(f"{spec.name}: no such folder, and the hub did not give it ({reason})") from error
    return folder, folder.name


def _why_apart(tuned: ModelSpec, base: ModelSpec) -> str:
    """Why switching this adapter off would not give the base back; empty when it does.

    Saved biases and saved whole modules stay in place under `disable_adapter` (peft), and other kinds of adapter
    change more than they can switch off.
    """
    if base.adapter or _identity(replace(tuned, adapter=None)) != _identity(base):
        return "the base given is not the model that the adapter sits on"
    folder = adapter_folder(str(tuned.adapter))
    config = read_config(folder / "adapter_config.json")
    if config.get("peft_type") != "LORA":
        return f"the adapter is of type {config.get('peft_type')}"
    if config.get("bias", "none") != "none":
        return "the adapter saves biases"
    whole = [config.get(key) for key in ("modules_to_save", "trainable_token_indices", "layer_replication")]
    names = [name for file in weight_files(folder, stem="adapter_model") for name in _tensor_names(file)]
    if any(whole) or not all(".lora_" in name for name in names):
        return "the adapter saves whole modules"
    return ""


def _tensor_names(file: Path) -> list[str]:
    with safe_open(file, framework="pt") as tensors:
        return list(tensors.keys())


def _identity(spec: ModelSpec) -> tuple[str, str | None, str | None, str | None]:
    folder = spec.folder
    return (str(folder.resolve()) if folder else spec.name, spec.revision, spec.gguf, spec.adapter)


def _read(folder: Path, spec: ModelSpec, dtype: torch.dtype) -> tuple[Any, Any]:
    if spec.gguf:
        whole = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=spec.gguf, dtype=dtype, quantization_config=whole, trust_remote_code=False
        )
        return model, AutoTokenizer.from_pretrained(folder, gguf_file=spec.gguf, trust_remote_code=False)
    weight_files(folder)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True
    )
    return model, AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
