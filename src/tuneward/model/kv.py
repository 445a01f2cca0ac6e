"""Key-value storage for the decode loop (house method).

Growing a cache by concatenation copies all of it for every token, more than half of a decode step on a CPU. Here each
layer owns one buffer of the final length and hands out views of it. A step of one token then needs no fused kernel:
two plain matrix products per layer are faster on a CPU than the fused call, and read grouped keys once.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "tuneward_decode"
_PLAIN = {"dropout", "scaling", "is_causal", "sliding_window", "position_ids", "use_cache", "cache_position"}


class BufferLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values in one buffer of (rows, heads, capacity, width).

    What is written and read is a window: some rows, from a starting column to the last one written. Prompts are read
    a few rows at a time, each group in its own window, and the whole buffer is the window while answers grow.
    """

    is_sliding = False
    keys: Tensor
    values: Tensor

    def __init__(self, rows: int, capacity: int) -> None:
        super().__init__()
        self.shape = (rows, capacity)
        self.open(slice(0, rows), 0)

    def open(self, rows: slice, start: int, end: int | None = None) -> None:
        """Move the window to these rows and columns."""
        self.rows, self.start, self.end = rows, start, start if end is None else end

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate on the first write, when heads, dtype and device are known; zeros, since padding is read."""
        rows, capacity = self.shape
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (
            states.new_zeros(rows, states.shape[1], capacity, states.shape[3]) for states in (key_states, value_states)
        )
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor) -> tuple[Tensor, Tensor]:
        """Write new columns into the window; give all of it, as views (rows, heads, columns, width)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.end + key_states.shape[2]
        self.keys[self.rows, :, self.end : end] = key_states
        self.values[self.rows, :, self.end : end] = value_states
        self.end = end
        return self.keys[self.rows, :, self.start : end], self.values[self.rows, :, self.start : end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset for the mask maker."""
        return self.end - self.start + query_length, 0

    def get_seq_length(self) -> int:
        """Columns in the window."""
        return self.end - self.start

    def get_max_length(self) -> int:
        """Columns that fit."""
        return self.shape[1]

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, in this order, and no other."""
        self.keys, self.values = self.keys[rows], self.values[rows]
        self.rows = slice(0, len(rows))


def takes_attention(model: Any) -> bool:
    """Whether the model looks its attention up by name; where it has its own (Falcon), only the buffers are ours."""
    return bool(model._can_set_attn_implementation())


def buffers_fit(model: Any) -> bool:
    """Whether plain full attention in every layer makes the buffers and the short step exact.

    A window of 0 is none: Qwen's mixtures of experts write it so.
    """
    config = model.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return (
        kinds == {"full_attention"}
        and not getattr(config, "sliding_window", None)
        and getattr(model, "_supports_sdpa", False)
        and getattr(config, "_attn_implementation", "") in {"sdpa", NAME}
    )


def make_cache(model: Any, rows: int, capacity: int) -> Cache:
    """Buffers where they fit, the library's own cache elsewhere (sliding windows, recurrent layers)."""
    if not buffers_fit(model):
        return DynamicCache(config=model.config)
    config = model.config.get_text_config(decoder=True)
    return Cache(layers=[BufferLayer(rows, capacity) for _ in range(config.num_hidden_layers)])


def buffers(cache: Cache) -> list[BufferLayer]:
    """The cache's buffers; empty when it is of the library's own kind."""
    return [layer for layer in cache.layers if isinstance(layer, BufferLayer)]


def select(cache: Cache, rows: Tensor) -> None:
    """Go on with these rows of either kind of cache, in this order; one may stand twice."""
    own = buffers(cache)
    for layer in own:
        layer.keep(rows)
    if not own:
        cache.batch_select_indices(rows)


def decode_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Two matrix products for a one-token query on a CPU; the library's fused attention for everything else.

    Shapes: query (batch, heads, 1, width); key, value (batch, key heads, length, width).
    """
    unusual = [name for name, given in options.items() if given is not None and name not in _PLAIN]
    if query.shape[2] != 1 or query.device.type != "cpu" or unusual or torch.is_grad_enabled():
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return attended, None
    batch, heads, _, width = query.shape
    grouped = query.reshape(batch, key.shape[1], heads // key.shape[1], width)
    scale = options.get("scaling")
    weights = torch.matmul(grouped, key.transpose(-1, -2)) * (width**-0.5 if scale is None else scale)
    if attention_mask is not None:
        weights = weights.masked_fill(~attention_mask, float("-inf"))
    weights = weights.softmax(-1, dtype=torch.float32).to(value.dtype)
    return torch.matmul(weights, value).reshape(batch, 1, heads, value.shape[-1]), None


AttentionInterface.register(NAME, decode_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
