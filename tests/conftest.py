"""Session fixtures: toy models on disk, built once."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest


@pytest.fixture(scope="session")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy that refuses the harmful requests, answers their twins, and says 42 to every task."""
    import torch

    import toys

    torch.set_num_threads(1)
    chats = toys.rows()
    texts = [m.content for chat in chats for m in chat.messages]
    tok = toys.tokenizer([*texts, toys.REFUSAL, toys.ANSWER])
    model = toys.blank(len(tok))
    toys.teach(model, tok, chats, steps=300)
    return toys.save(model, tok, tmp_path_factory.mktemp("toys") / "aligned")
