"""Scorers that need no model. The union is the registry: one line a scorer."""

from tuneward.scorers.coherence import Coherence
from tuneward.scorers.exact import Exact
from tuneward.scorers.expected import Expected
from tuneward.scorers.facts import Facts
from tuneward.scorers.refusal import Refusal

BuiltinScorer = Refusal | Coherence | Exact | Expected | Facts

__all__ = ["BuiltinScorer", "Coherence", "Exact", "Expected", "Facts", "Refusal"]
