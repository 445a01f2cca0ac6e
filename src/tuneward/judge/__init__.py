"""judge: what other models, and people, say of an audit's replies."""
