"""Models: a name → an engine that answers prompts. The only callers of `from_pretrained` and of a decode loop."""
