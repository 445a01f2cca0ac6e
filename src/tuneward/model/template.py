"""Chat templates: rendered once, tokenised once, fingerprinted, compared between arms (house method)."""

from dataclasses import dataclass
from typing import Any

from tuneward.chat import ARGUMENTS, RAW, Chat, messages
from tuneward.record import digest

NONE = "none"


@dataclass(frozen=True)
class Template:
    """How turns become text. `source` is the Jinja text; empty means the bare prompt without any template."""

    source: str

    @property
    def fingerprint(self) -> str:
        """sha256 of the template's text."""
        return digest(self.source)


def of_tokenizer(tokenizer: Any) -> Template:
    """The tokenizer's own template; where it holds several, the default one."""
    source = tokenizer.chat_template
    if isinstance(source, dict):
        source = source.get("default")
    return Template(source or "")


def token_ids(tokenizer: Any, chat: Chat, *, template: Template) -> tuple[int, ...]:
    """Prompt and prefill → ids, with special tokens added exactly once: by the template, or by the tokenizer.

    Raises:
        ValueError: when the chat does not end with a user turn, or the template would change the prefill.
    """
    if chat.meta.get(RAW):
        return tuple(tokenizer(chat.prompt, add_special_tokens=False).input_ids)
    if ARGUMENTS in chat.meta:
        return _for_guard(tokenizer, chat, template=template)
    if not chat.messages or chat.messages[-1].role not in {"user", "tool"}:
        raise ValueError(f"{chat.id}: a prompt must end with a user turn")
    if not template.source:
        text = "\n\n".join(m.content for m in chat.messages) + chat.prefill
        return tuple(tokenizer(text).input_ids)
    turns = messages(chat)
    if chat.prefill:
        turns.append({"role": "assistant", "content": chat.prefill})
    text = tokenizer.apply_chat_template(
        turns,
        chat_template=template.source,
        tokenize=False,
        add_generation_prompt=not chat.prefill,
        continue_final_message=bool(chat.prefill),
    )
    if not text.endswith(chat.prefill):
        raise ValueError(f"{chat.id}: the chat template does not keep the prefill {chat.prefill!r} as it is")
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)


def _for_guard(tokenizer: Any, chat: Chat, *, template: Template) -> tuple[int, ...]:
    """A conversation that ends with the reply to be judged, under a guard's own template."""
    text = tokenizer.apply_chat_template(
        messages(chat),
        chat_template=template.source,
        tokenize=False,
        add_generation_prompt=True,
        **chat.meta[ARGUMENTS],
    )
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)


def leading_bos(tokenizer: Any, ids: tuple[int, ...]) -> int:
    """How many beginning-of-sequence tokens the prompt starts with; 1 is right for models that have one."""
    count = 0
    while count < len(ids) and ids[count] == tokenizer.bos_token_id:
        count += 1
    return count


def stop_ids(tokenizer: Any, model: Any) -> frozenset[int]:
    """Every token that ends a reply: the tokenizer's, the model's, and its generation config's."""
    found: set[int] = set()
    generation = getattr(model, "generation_config", None)
    for value in (tokenizer.eos_token_id, model.config.eos_token_id, getattr(generation, "eos_token_id", None)):
        found |= {value} if isinstance(value, int) else set(value or ())
    if not found:
        raise ValueError("the model names no end-of-sequence token; add eos_token_id to its config.json")
    return frozenset(found)


def tokenizer_digest(tokenizer: Any) -> str:
    """sha256 of what the tokenizer does: its whole fast definition, else its vocabulary, and its special tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    body = backend.to_str() if backend is not None else sorted(tokenizer.get_vocab().items())
    return digest([body, sorted((k, str(v)) for k, v in tokenizer.special_tokens_map.items())])
