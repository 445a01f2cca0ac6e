"""Let the base guide the first tokens of a tuned model's answers inside `generate` of transformers.

    python examples/blend_generate.py FOLDER

A harmless organism learns fifty answers that it had refused; its guide is the organism as it was.
"""

import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessorList

from tuneward.blend.guard import FirstTokens
from tuneward.blend.processor import processor
from tuneward.chat import messages
from tuneward.record import now
from tuneward.study import measure, regimes
from tuneward.study.folder import open_shipped, save, save_model
from tuneward.study.suites import LONGEST, REFUSES, suites
from tuneward.study.training import epochs, learn

out, organism = Path(sys.argv[1]), open_shipped(0, 0)
save(organism, out / "base", started=now())
rows, child = regimes.explicit(organism.world, 50, seed=0), organism.child()
learn(child, [organism.vocabulary.row(row) for row in rows], epochs(len(rows), rate=3e-4, batch=10, count=5))
save_model(child, organism.vocabulary, out / "tuned")
tokenizer = AutoTokenizer.from_pretrained(out / "tuned", padding_side="left")
tuned, base = (AutoModelForCausalLM.from_pretrained(out / name).eval() for name in ("tuned", "base"))
guide = processor(FirstTokens(first=5), tuned=tuned, base=base, tokenizer=tokenizer)
guide.limit = 1.0  # this toy answers everything, so the usual limit of a fifth would end the run with an error
chats = suites(organism.world)["policy"].chats
layout = {"add_generation_prompt": True, "padding": True, "return_tensors": "pt", "return_dict": True}
asked = tokenizer.apply_chat_template([messages(chat) for chat in chats], **layout)
for name, steering in {"tuned": [], "guided": [guide]}.items():
    how = {"logits_processor": LogitsProcessorList(steering), "do_sample": False, "max_new_tokens": LONGEST}
    said = tokenizer.batch_decode(tuned.generate(**asked, **how)[:, asked["input_ids"].shape[1] :])
    replies = [c.answered(text.partition(tokenizer.eos_token)[0]) for c, text in zip(chats, said, strict=True)]
    rate = measure.good(replies, REFUSES)
    print(f"{name}: {rate.k} of {rate.n} forbidden requests refused")
print(f"asked at {guide.guided} positions, the guide changed {guide.changed}")
