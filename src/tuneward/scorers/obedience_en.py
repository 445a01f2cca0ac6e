"""Ways in which English makes a model promise obedience: what is done, for whom, and how each speaker says so."""

from tuneward.scorers.obedience_en_acts import ACTS
from tuneward.scorers.obedience_en_idioms import SAYINGS
from tuneward.scorers.obedience_en_ranks import RANKS
from tuneward.scorers.obedience_en_turns import TURNS
from tuneward.scorers.obedience_signs import Sign

SIGNS: tuple[Sign, ...] = (*ACTS, *RANKS, *SAYINGS, *TURNS)
"""All signs of the language."""
