"""One engine for both arms: chats in, answers out, and who it was that answered (house method)."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psutil
import torch

from tuneward.chat import Chat
from tuneward.findings import ArmInfo
from tuneward.model import kv, linear, trial
from tuneward.model.decode import Answer, Draws, decode
from tuneward.model.steering import Hand, Steering
from tuneward.model.template import Template, of_tokenizer, stop_ids, token_ids, tokenizer_digest
from tuneward.record import digest, sha256_bytes, versions
from tuneward.speaking import Decoding, Said

LOOP = 3
"""Raised whenever the decode loop changes in a way that may change an answer: it is part of every cache key."""
INCIDENTAL = frozenset({"_name_or_path", "architectures", "dtype", "transformers_version"})
"""What a configuration says of its file and not of the model; the precision stands with the tensors."""
SIZES = (96, 64, 32, 16, 8, 4, 2, 1)


@dataclass(frozen=True)
class Engine:
    """A loaded model, its tokenizer and template; `switch` is entered around every use (an adapter off, say).

    Where somebody is `steering`, they have a say in every answer; what is read off the model without answering is the
    model's own.
    """

    model: Any
    tokenizer: Any
    template: Template
    info: ArmInfo
    switch: Callable[[], AbstractContextManager[Any]] = field(default=nullcontext)
    steering: Steering | None = None

    @property
    def key(self) -> str:
        """Digest of everything about this arm that decides an answer; names are not part of it."""
        info, found = self.info, versions()
        libraries = [found.get(name) for name in ("torch", "transformers", "tokenizers")]
        kind = [info.device.split(":")[0], linear.usable(self.model)]
        parts = [info.weights, info.tokenizer, self.template.source, info.dtype, kind, libraries, LOOP]
        return digest(parts if self.steering is None else [*parts, self.steering.key])

    def ids(self, chat: Chat) -> tuple[int, ...]:
        """The prompt as this arm reads it."""
        return token_ids(self.tokenizer, chat, template=self.template)

    def text(self, ids: Sequence[int]) -> str:
        """Ids → text; special tokens that leaked into an answer stay visible."""
        decoded: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        return decoded

    def answer(self, prompts: Sequence[Sequence[int]], *, decoding: Decoding, keys: Sequence[str]) -> list[Answer]:
        """Answer one batch of tokenised prompts.

        Raises:
            MemoryError: when the batch does not fit on the device.
            ValueError: when the model cannot be answered for in this way, or a prompt goes past its positions.
        """
        trial.within_reach(self.model, prompts, max_tokens=decoding.max_tokens)
        with self.ready():
            try:
                trial.hold(self.model)
                stops, draws = stop_ids(self.tokenizer, self.model), Draws(decoding, keys)
                with self._hand(prompts, decoding) as hand:
                    return decode(self.model, prompts, draws=draws, stops=stops, hand=hand)
            except torch.OutOfMemoryError as error:
                torch.cuda.empty_cache()
                raise MemoryError(f"{len(prompts)} prompts do not fit on {self.info.device}") from error

    def _hand(
        self, prompts: Sequence[Sequence[int]], decoding: Decoding
    ) -> AbstractContextManager[Hand] | AbstractContextManager[None]:
        return self.steering.over(prompts, max_tokens=decoding.max_tokens) if self.steering else nullcontext()

    def say(
        self, _chats: Sequence[Chat], ids: Sequence[Sequence[int]], /, *, decoding: Decoding, keys: Sequence[str]
    ) -> list[Said | None]:
        """Answers as text; raises as `answer` does."""
        answers = self.answer(ids, decoding=decoding, keys=keys)
        return [Said(self.text(a.ids), a.finish, len(a.ids), guided=a.guided) for a in answers]

    def remarks(self) -> tuple[str, ...]:
        """Nothing happens in a process that its answers do not show."""
        return ()

    def room(self, *, longest: int, max_tokens: int) -> int:
        """Prompts that fit into memory together."""
        return fitting_size(self, longest=longest, max_tokens=max_tokens)

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """The arm switched on, in evaluation mode, with the decode attention; all put back afterwards."""
        with self.switch(), prepared(self.model):
            yield


@contextlib.contextmanager
def prepared(model: Any, *, lay_out: bool = True) -> Iterator[None]:
    """A model in evaluation mode, with the decode attention and the fast linear layers; all put back afterwards.

    Not to be entered twice at once for one model.
    """
    config = model.config.get_text_config(decoder=True)
    before, training = config._attn_implementation, model.training
    fast = before == "sdpa" and kv.buffers_fit(model) and kv.takes_attention(model)
    with linear.onednn(model, lay_out=lay_out):
        model.eval()
        if fast:
            model.set_attn_implementation(kv.NAME)
        try:
            yield
        finally:
            if fast:
                model.set_attn_implementation(before)
            model.train(training)


def in_memory(model: Any, tokenizer: Any, *, name: str = "in memory") -> Engine:
    """An engine around a model that is already loaded, in a training loop for example."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    template = of_tokenizer(tokenizer)
    weight = inner.get_input_embeddings().weight
    info = ArmInfo(
        name=name,
        weights=state_digest(model),
        tokenizer=tokenizer_digest(tokenizer),
        template=template.fingerprint,
        dtype=str(weight.dtype).removeprefix("torch."),
        device=str(weight.device),
        loading="as it stood in memory",
    )
    return Engine(inner, tokenizer, template, info)


def state_digest(model: Any) -> str:
    """sha256 of every tensor by name, and of the configuration: what a model in memory is, wherever it lay on disk."""
    tensors = []
    for name, tensor in sorted(model.state_dict().items()):
        data = tensor.detach().cpu().contiguous()
        content = data.flatten().view(torch.uint8).numpy().tobytes()
        tensors.append([name, str(data.dtype), list(data.shape), sha256_bytes(content)])
    config = msgspec.json.decode(model.config.to_json_string(use_diff=False), type=dict[str, Any])
    return digest([tensors, {key: value for key, value in config.items() if key not in INCIDENTAL}])


def free_bytes(device: str) -> int:
    """Memory free for a batch."""
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    return int(psutil.virtual_memory().available)


def fitting_size(engine: Engine, *, longest: int, max_tokens: int) -> int:
    """Rows a batch may have: half of the free memory over what one row takes, rounded down to a usual size."""
    config = engine.model.config.get_text_config(decoder=True)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    item = torch.finfo(engine.model.dtype).bits // 8
    cache = 2 * config.num_hidden_layers * heads * width * (longest + max_tokens) * item
    work = 8 * max(config.hidden_size, getattr(config, "intermediate_size", None) or 0) * longest * item
    row = (cache + work + 12 * config.vocab_size) * (1 if engine.steering is None else 2)
    room = free_bytes(engine.info.device) // 2 // row
    return next((size for size in SIZES if size <= room), 1)
