"""Names of models behind OpenAI-compatible endpoints → where to ask, and for whom."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

SERVICES = {"openai": "https://api.openai.com/v1"}
"""Providers whose address is known without being told."""
FORM = "openai-api/PROVIDER/NAME, or http(s)://HOST/v1#NAME"
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine."""
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
    def official(self) -> bool:
        """OpenAI's own service, which knows its own words only."""
        return self.provider.lower() == "openai"

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
        ValueError: for anything else, or an address that `checked` refuses.
    """
    named = NAMED.match(text)
    if named:
        provider = named["provider"]
        return EndpointSpec(named["model"], provider, SERVICES.get(provider.lower(), ""))
    url, _, model = text.partition("#")
    address = checked(url, what="the address")
    if not model:
        raise ValueError(f"{address}: no model named; expected {FORM}")
    return EndpointSpec(model, url=address)


def checked(url: str, *, what: str) -> str:
    """An address without the slash at its end, or an error that repeats nothing of it that could be a secret.

    Raises:
        ValueError: no http address, or one that holds a user, a password, a query or a fragment.
    """
    try:
        parts, _ = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise ValueError(f"{what} cannot be read; expected such as http://127.0.0.1:8000/v1") from None
    if parts.username is not None or parts.password is not None or parts.query:
        raise ValueError(f"{what} holds a user or a query ({parts.hostname}); keys come from the environment alone")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError(f"{what} is no http address; expected such as http://127.0.0.1:8000/v1")
    return parts.geturl().rstrip("/")


def known_as(url: str) -> str:
    """One spelling of an address, so that a server is one server: case, usual ports and this machine's names."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = "127.0.0.1" if parts.hostname in HERE else str(parts.hostname)
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port and parts.port != usual else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _shell(provider: str) -> str:
    return re.sub(r"\W", "_", provider).upper()
