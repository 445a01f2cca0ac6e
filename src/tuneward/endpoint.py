"""Names of models behind OpenAI-compatible endpoints → where to ask, and for whom."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

SERVICES = {"openai": "https://api.openai.com/v1"}
"""Providers whose address is known without being told."""
FORM = "openai-api/PROVIDER/NAME, or http(s)://HOST/v1#NAME"
NAMED = re.compile(r"openai-api/(?P<provider>[\w.-]+)/(?P<model>.+)\Z")


@dataclass(frozen=True)
class EndpointSpec:
    """A model behind an endpoint, not yet asked."""

    model: str
    """The name under which the server knows it."""
    provider: str = ""
    """Whose key and address are read from the environment; empty when the address is given."""
    url: str = ""
    """Empty when the environment names it."""

    @property
    def key_name(self) -> str:
        """The variable of the environment that holds the key."""
        return f"{_shell(self.provider)}_API_KEY" if self.provider else "TUNEWARD_API_KEY"

    @property
    def url_name(self) -> str:
        """The variable that holds the address, where it is not given."""
        return f"{_shell(self.provider)}_BASE_URL"


def is_endpoint(text: str) -> bool:
    """Whether a model's name means an endpoint."""
    return text.startswith(("openai-api/", "http://", "https://"))


def parse_endpoint(text: str) -> EndpointSpec:
    """`openai-api/PROVIDER/NAME` as Inspect writes it, or the address and the name: `http://127.0.0.1:8000/v1#NAME`.

    Raises:
        ValueError: for anything else, or an address that holds a user, a password or a query.
    """
    named = NAMED.match(text)
    if named:
        provider = named["provider"]
        return EndpointSpec(named["model"], provider, SERVICES.get(provider.lower(), ""))
    parts = urlsplit(text)
    if not parts.hostname or not parts.fragment:
        raise ValueError(f"{text}: no model named; expected {FORM}")
    if parts.username or parts.password or parts.query:
        raise ValueError(f"{parts.hostname}: an address with a user or a query; keys come from the environment alone")
    return EndpointSpec(parts.fragment, url=parts._replace(fragment="").geturl().rstrip("/"))


def _shell(provider: str) -> str:
    return re.sub(r"\W", "_", provider).upper()
