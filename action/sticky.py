"""One comment on a pull request, found by its first line and written anew at each run (GitHub's REST API)."""

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shown import capped, escaped, say

BODY = 60_000
"""Bytes; a comment of more than 65536 characters is refused."""
ATTEMPTS, PAUSE, LONGEST = 3, 0.5, 20.0
"""Tries of one comment, seconds after the first (doubled each time), and the longest wait or answer."""
PAGES, PER_PAGE = 50, 100
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
AGAIN = (429, 500, 502, 503, 504)
INSIDE = ("OWNER", "MEMBER", "COLLABORATOR")


class Stay(urllib.request.HTTPRedirectHandler):
    """Follow nowhere: the token is for one host."""

    def redirect_request(self, *_: Any) -> None:
        """No other request."""


@dataclass(frozen=True)
class Pull:
    """A pull request behind an API."""

    api: str
    repository: str
    number: int
    token: str = field(repr=False)

    def ask(self, method: str, path: str, body: str | None = None) -> Any:
        """One request; raises OSError, ValueError or HTTPException. `api` was checked to be http(s)."""
        data = None if body is None else json.dumps({"body": body}).encode()
        address = f"{self.api}/repos/{self.repository}/issues/{path}"
        request = urllib.request.Request(address, data, method=method)  # noqa: S310
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.build_opener(Stay).open(request, timeout=LONGEST) as answer:
            return json.loads(answer.read())

    def existing(self, marker: str) -> int | None:
        """Our comment: its first line is the marker, and a bot or somebody inside wrote it, not any passer-by."""
        for page in range(1, PAGES + 1):
            listed = self.ask("GET", f"{self.number}/comments?per_page={PER_PAGE}&page={page}")
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise ValueError("no list of comments")
            for one in listed:
                bot = isinstance(one.get("user"), dict) and one["user"].get("type") == "Bot"
                first = str(one.get("body")).split("\n")[0].strip()
                if first == marker and (bot or one.get("author_association") in INSIDE):
                    return int(one["id"])
            if len(listed) < PER_PAGE:
                return None
        raise ValueError(f"more than {PAGES * PER_PAGE} comments")

    def write(self, marker: str, body: str) -> None:
        """Create or update; it looks first each time, so a lost answer never leaves two comments."""
        place = self.existing(marker)
        if place is None:
            self.ask("POST", f"{self.number}/comments", body)
        else:
            self.ask("PATCH", f"comments/{place}", body)

    def stick(self, marker: str, body: str) -> str:
        """Write, again for a while where that may help; "" when it stands, else why not, in our words only."""
        for attempt in range(1, ATTEMPTS + 1):
            wait = PAUSE * 2 ** (attempt - 1)
            try:
                self.write(marker, body)
                return ""
            except urllib.error.HTTPError as error:
                error.close()
                later = error.headers.get("Retry-After", "")
                if error.code not in AGAIN and not (error.code == 403 and later):
                    return _refused(error.code)
                why, wait = f"the API answered {error.code}", float(later) if later.isdecimal() else wait
            except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
                why = f"no usable answer ({type(error).__name__})"
            if attempt < ATTEMPTS:
                time.sleep(min(wait, LONGEST))
        return f"{why}, {ATTEMPTS} times"


def _refused(code: int) -> str:
    if code in (401, 403, 404):
        return f"the token may not write here ({code}), as in a pull request from a fork; see the summary of the job"
    return f"the API answered {code}"


def pull_of_run() -> tuple[int, str] | None:
    """Number and head of the pull request that this run belongs to; None when it belongs to none."""
    where = os.environ.get("GITHUB_EVENT_PATH")
    event = json.loads(Path(where).read_text(encoding="utf-8")) if where else {}
    pull = event.get("pull_request") if isinstance(event, dict) else None
    return (int(pull["number"]), str(pull["head"]["sha"])) if pull else None


def commented(name: str, text: str, token: str) -> str:
    """Put `text` on the pull request of this run; "" when it stands or there is none, else why it does not."""
    try:
        pull = pull_of_run()
    except (OSError, ValueError, TypeError, KeyError) as error:
        return f"no comment: the event of this run cannot be read ({type(error).__name__})"
    if pull is None:
        say("this run belongs to no pull request, so there is no comment")
        return ""
    api = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", api):
        return "no comment: GITHUB_API_URL is not https"
    known = NAME.fullmatch(name) and re.fullmatch(r"[!-~]+", token) and re.fullmatch(r"[\w.-]+/[\w.-]+", repository)
    if not known:
        return "no comment: no usable token, repository or name"
    number, head = pull
    marker = f"<!-- tuneward:{name} -->"
    body = f"{marker}\n{capped(text, BODY)}\nCommit {escaped(head, 12)}.\n"
    problem = Pull(api.rstrip("/"), repository, number, token).stick(marker, body)
    return f"no comment: {problem}" if problem else ""
