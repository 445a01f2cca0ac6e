"""Repair: what becomes of each weight of a tuned model, given its base, so that refusals return and the task stays."""
