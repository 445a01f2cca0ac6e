"""tuneward keeps a language model safe through fine-tuning."""

from tuneward.chat import Chat, Message, Reply
from tuneward.record import Record
from tuneward.score import Score, Scorer

__version__ = "0.1.0"

__all__ = ["Chat", "Message", "Record", "Reply", "Score", "Scorer", "__version__"]
