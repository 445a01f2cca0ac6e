"""The GitHub Action's comment: one a gate, found again, never a stranger's, and never a reason to fail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from on_runner import MARKER, TOKEN, Host, ci, comment, folder_of, served


@pytest.fixture
def host() -> Iterator[Host]:
    with served() as found:
        yield found


def test_the_comment_is_found_behind_a_hundred_others_and_written_anew(tmp_path: Path, host: Host) -> None:
    host.comments = [comment(number, "talk") for number in range(1, 251)]
    host.comments[230]["body"] = f"{MARKER}\r\nold"
    done = ci(tmp_path, "gate", host=host)
    assert done.code == 2
    assert [method for method, _ in host.seen] == ["GET", "GET", "GET", "PATCH"]
    assert len(host.comments) == 250
    assert "ERROR" in host.comments[230]["body"]


def test_a_full_last_page_ends_the_search(tmp_path: Path, host: Host) -> None:
    host.comments = [comment(number, "talk") for number in range(1, 101)]
    ci(tmp_path, "gate", host=host)
    assert [method for method, _ in host.seen] == ["GET", "GET", "POST"]


def test_a_passer_by_cannot_offer_a_comment_of_theirs(tmp_path: Path, host: Host) -> None:
    """Whoever owns the comment can edit it; a verdict in a stranger's words would be worth nothing."""
    host.comments = [
        comment(1, f"{MARKER}\nall is well", kind="User", association="CONTRIBUTOR"),
        comment(2, f"> {MARKER}\nquoted"),
        {"id": 3, "body": None, "user": None},
        comment(4, "<!-- tuneward:other -->\nof another gate"),
    ]
    ci(tmp_path, "gate", host=host)
    assert host.comments[0]["body"] == f"{MARKER}\nall is well"
    assert len(host.comments) == 5
    assert host.comments[4]["body"].startswith(MARKER)


def test_each_name_has_a_comment_of_its_own(tmp_path: Path, host: Host) -> None:
    for name in ("one", "two", "one"):
        ci(tmp_path, "gate", "--name", name, host=host)
    assert [one["body"].splitlines()[0] for one in host.comments] == [
        "<!-- tuneward:one -->",
        "<!-- tuneward:two -->",
    ]


def test_a_token_that_only_reads_leaves_the_summary_and_the_code(tmp_path: Path, host: Host) -> None:
    host.faults = [("POST", 403, b'{"message": "Resource not accessible by integration"}', {})]
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), host=host)
    assert done.code == 0
    assert "::warning::no comment: the token may not write here (403)" in done.log
    assert done.summary.startswith("**tuneward: PASS**")
    assert host.comments == []


BUSY = ("GET", 500, b"<html>", {})


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        ("POST", 502, b"", {}),
        ("GET", 429, b"{}", {"Retry-After": "0"}),
        ("POST", 403, b"{}", {"Retry-After": "0"}),
        ("GET", 200, b"{not json", {}),
        ("GET", 200, b'{"message": "no list"}', {}),
        ("GET", 200, b"[1, null]", {}),
        ("GET", 200, b"\xff\xfe", {}),
    ],
)
def test_an_answer_that_goes_wrong_once_is_asked_for_again(fault: Any, tmp_path: Path, host: Host) -> None:
    host.faults = [fault]
    assert "::warning::" not in ci(tmp_path, "gate", host=host).log
    assert len(host.ours) == 1


def test_an_answer_that_is_lost_after_the_work_makes_no_second_comment(tmp_path: Path, host: Host) -> None:
    host.faults, host.late = [("POST", 500, b"", {})], True
    ci(tmp_path, "gate", host=host)
    assert len(host.ours) == 1
    assert [method for method, _ in host.seen] == ["GET", "POST", "GET", "PATCH"]


@pytest.mark.parametrize("fault", [BUSY, ("GET", 200, b"garbage", {})])
def test_trying_again_has_an_end(fault: Any, tmp_path: Path, host: Host) -> None:
    host.faults = [fault] * 50
    done = ci(tmp_path, "gate", host=host)
    assert (done.code, len(host.seen)) == (2, 3)
    assert "3 times" in done.log
    assert done.summary


def test_a_host_that_is_away_is_a_warning(tmp_path: Path, host: Host) -> None:
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), host=host, GITHUB_API_URL="http://127.0.0.1:9")
    assert done.code == 0
    assert "::warning::no comment: no usable answer" in done.log


def test_the_token_follows_no_redirect(tmp_path: Path, host: Host) -> None:
    with served() as other:
        host.faults = [("GET", 302, b"", {"Location": f"{other.address}/repos/owner/repo/issues/7/comments"})] * 3
        done = ci(tmp_path, "gate", host=host)
    assert "the API answered 302" in done.log
    assert other.seen == []


@pytest.mark.parametrize(
    "env",
    [
        {"GITHUB_API_URL": "http://api.example.invalid"},
        {"GITHUB_API_URL": "file:///etc"},
        {"GITHUB_TOKEN": ""},
        {"GITHUB_TOKEN": f"{TOKEN}\nX: y"},
        {"GITHUB_REPOSITORY": "no"},
    ],
)
def test_without_what_it_needs_there_is_no_comment(env: dict[str, str], tmp_path: Path, host: Host) -> None:
    done = ci(tmp_path, "gate", host=host, **env)
    assert "::warning::no comment" in done.log
    assert host.seen == []


def test_no_comment_outside_of_a_pull_request_or_when_it_is_off(tmp_path: Path, host: Host) -> None:
    assert "no pull request" in ci(tmp_path, "gate").log
    ci(tmp_path, "gate", host=host, TUNEWARD_COMMENT="false")
    assert host.seen == []
