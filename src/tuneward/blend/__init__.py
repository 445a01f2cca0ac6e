"""Blend: a tuned model that is guided by its base while it decodes (methods; `kind.Blend` is the contract)."""
