"""The screen verb: what in fine-tuning data will hurt, before a step is trained."""
