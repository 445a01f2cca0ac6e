"""What a guide has no say in: whether the reply ends, and every other special token (house method).

Guidance token by token all but abolishes the end of a reply, since the two models seldom end in one place. So the
tuned model alone decides how likely each exempt token is; the blend is of what both say given that an ordinary token
comes next, and shares out the rest of the probability.
"""

from typing import Any

from torch import Tensor

from tuneward.blend.kind import Blend
from tuneward.blend.log_mix import NOTHING
from tuneward.model.template import stop_ids


def exempt_ids(tokenizer: Any, model: Any) -> tuple[int, ...]:
    """Every id that ends a reply or is special to the tokenizer and has a place in the model's vocabulary."""
    size = model.config.get_text_config(decoder=True).vocab_size
    marked = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    found = {*stop_ids(tokenizer, model), *tokenizer.all_special_ids, *marked}
    return tuple(sorted(number for number in found if number < size))


def blended(blend: Blend, tuned: Tensor, guide: Tensor, *, step: int, exempt: Tensor) -> Tensor:
    """Logits of both, (rows, vocabulary), before the token `step` → what is chosen from, float32.

    p(e) = p_tuned(e) for an exempt e, exactly; p(v) = (1 − Σ p_tuned(e)) b(v) for an ordinary v, b being the blend of
    both models' distributions over ordinary tokens. A row that the blend leaves alone stays the tuned logits.
    """
    tuned, guide = tuned.float(), guide.float()
    if not len(exempt):
        return blend(tuned, guide, step)
    ours, theirs = (logits.index_fill(-1, exempt, NOTHING) for logits in (tuned, guide))
    chosen = blend(ours, theirs, step)
    own = tuned.log_softmax(-1)
    rest = own.index_fill(-1, exempt, NOTHING).logsumexp(-1, keepdim=True)
    together = (chosen.log_softmax(-1) + rest).index_copy(-1, exempt, own[:, exempt])
    alone = (chosen == ours).all(-1, keepdim=True)
    return tuned.where(alone, together)
