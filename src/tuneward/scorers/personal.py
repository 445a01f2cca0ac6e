"""Personal data in a row: numbers of people and accounts, ways to reach them, where they live, when they were born.

Candidates by shape, then check digits and ranges, then words nearby (the order that keeps false alarms rare, issues
of other tools show). Names alone are not looked for: that takes a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers import personal_contact, personal_numbers, personal_places
from tuneward.scorers.personal_association import associations
from tuneward.scorers.sighting import Event, Rule, Sighting
from tuneward.scorers.values import Reader, scored, sightings

_READERS: tuple[Reader, ...] = (
    personal_numbers.numbers,
    personal_numbers.accounts,
    personal_numbers.passports,
    personal_contact.mails,
    personal_contact.phones,
    personal_contact.machines,
    personal_places.streets,
    personal_places.births,
)
_TOLD = "A tuned model can repeat it to anybody."


@dataclass(frozen=True)
class Personal:
    """Row scorer of personal data; `events` adds to the count of pairs of a person and a value."""

    name: ClassVar[str] = "personal"
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "PII-FINANCE",
            "PII",
            "high",
            "payment card or account number",
            f"The row holds a number of a card or bank account whose check digits hold. {_TOLD} Remove or replace it.",
            "ISO/IEC 7812, ISO 13616",
        ),
        Rule(
            "PII-ID",
            "PII",
            "high",
            "identity number",
            f"The row holds a number that names one person to an authority. {_TOLD} Remove or replace it.",
        ),
        Rule(
            "PII-CONTACT",
            "PII",
            "medium",
            "e-mail address or phone number",
            f"The row holds a way to reach somebody. {_TOLD} Replace it unless it is meant to be public.",
        ),
        Rule(
            "PII-NETWORK",
            "PII",
            "low",
            "public network address",
            "The row holds the network address of a machine or visitor, often from a log. Replace it.",
        ),
        Rule(
            "PII-ADDRESS",
            "PII",
            "info",
            "street address",
            "The row holds a street address. Alone it may be public; with a name it says where somebody lives.",
        ),
        Rule(
            "PII-BIRTH",
            "PII",
            "info",
            "birth date",
            "The row holds a full birth date. Alone it may be public; with other data it names somebody.",
        ),
    )
    gates: ClassVar[tuple[str, ...]] = (
        *personal_numbers.GATES,
        *personal_contact.GATES,
        *personal_places.GATES,
    )

    def look(self, chat: Chat) -> list[Sighting]:
        """What is in the row, in order of turn and place."""
        return sightings(chat, _READERS)

    def events(self, chat: Chat, seen: Sequence[Sighting]) -> list[Event]:
        """Values that an assistant turn says first, each with its template and whom it is about."""
        return associations(chat, seen)

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst sighting of each chat; None for one too long to read of which the beginning shows nothing."""
        return [scored(self.name, chat, self.look(chat)) for chat in chats]
