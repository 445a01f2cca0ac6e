"""Watch safety in a training script of your own, here TRL's: end the run and go back if refusals are lost.

    python examples/monitor_trl.py MODEL ROWS.jsonl OUT [SUITE …]

The monitor reads first tokens: it ranks and warns. Whether the result may ship is for `tuneward audit` to find.
"""

import sys
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from tuneward.chat import messages
from tuneward.rows import read_rows
from tuneward.tune.monitor import How, Monitor
from tuneward.tune.readings import SUITES

name, data, out, *suites = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(name)
model = get_peft_model(AutoModelForCausalLM.from_pretrained(name), LoraConfig(target_modules="all-linear"))
rows = list(read_rows(data))

gpu = torch.cuda.is_available()
arguments = SFTConfig(out, learning_rate=1e-3, num_train_epochs=8, logging_steps=5, report_to="none", bf16=gpu)
learnt = Dataset.from_list([{"messages": messages(row)} for row in rows])
trainer = SFTTrainer(model, arguments, train_dataset=learnt, processing_class=tokenizer)
how = How(every=5, suites=tuple(suites) or SUITES, stop_if=("lost>0.1", "gained>0.2"))
monitor = Monitor.of(model, tokenizer, rows=rows, out=out, how=how)
monitor.attach(trainer)
trainer.train()
trainer.save_model(str(Path(out) / "tuned"))
print(monitor.stopped or "within all limits")
