"""GitHub's API, as much as one comment needs: JSON over HTTPS, patient for seconds, never redirected."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ATTEMPTS = 3
_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 10.0
_TIMEOUT_S = 10.0
_MOST_BYTES = 32_000_000
_TOO_MANY = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


class GitHubRefused(Exception):
    """GitHub would not do what was asked; ``status`` is 0 where it could not be reached."""

    def __init__(self, status: int, why: str) -> None:
        """Say why, in GitHub's own words."""
        super().__init__(why)
        self.status = status


class _NoRedirects(HTTPRedirectHandler):
    """A token goes to the address that was asked for, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing; the answer is an error then."""


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class GitHub:
    """Where the API is, and the token that opens it."""

    origin: str
    graphql: str
    token: str
    sleep: Callable[[float], None] = _sleep

    def rest(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        """Return what a REST endpoint answers.

        Raises:
            GitHubRefused: it refuses, or keeps failing.

        """
        return self._ask(method, f"{self.origin}{path}", body)

    def query(self, text: str, variables: Mapping[str, object]) -> Any:
        """Return the data of a GraphQL query.

        Raises:
            GitHubRefused: it refuses, or keeps failing.

        """
        answer = self._ask("POST", self.graphql, {"query": text, "variables": variables})
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict) or answer.get("errors"):
            raise GitHubRefused(HTTPStatus.OK, "the query was not answered")
        return answer["data"]

    def _ask(self, method: str, url: str, body: Mapping[str, object]) -> Any:
        _check_secure(url)
        opener = build_opener(_NoRedirects)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _answer(opener, self._request(method, url, body))
            except HTTPError as error:
                pause = _pause(error, attempt)
                if pause is None or attempt == _ATTEMPTS:
                    raise GitHubRefused(error.code, _said(error)) from None
            except (URLError, OSError, ValueError) as error:
                if attempt == _ATTEMPTS:
                    raise GitHubRefused(0, f"it cannot be reached: {error}") from None
                pause = _PAUSE_S * attempt
            self.sleep(pause)
        raise AssertionError

    def _request(self, method: str, url: str, body: Mapping[str, object]) -> Request:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "evalgate",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return Request(url, json.dumps(body).encode(), headers, method=method)  # noqa: S310  checked above


def _check_secure(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise GitHubRefused(0, "its address is not https, and a token is sent nowhere else")


def _answer(opener: OpenerDirector, request: Request) -> Any:
    with opener.open(request, timeout=_TIMEOUT_S) as response:
        return json.loads(response.read(_MOST_BYTES))


def _pause(error: HTTPError, attempt: int) -> float | None:
    """Return how long to wait before asking again; None where asking again is of no use."""
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _PAUSE_S * attempt
    after = error.headers.get("retry-after")
    if error.code in _TOO_MANY and after is not None:
        # A secondary rate limit says when it ends; a refusal for want of rights does not.
        seconds = float(after) if after.isdecimal() else _LONGEST_PAUSE_S
        return seconds if seconds <= _LONGEST_PAUSE_S else None
    return None


def _said(error: HTTPError) -> str:
    try:
        said = json.loads(error.read(10_000)).get("message")
    except (ValueError, AttributeError, OSError):
        said = None
    return f"{error.code}: {said or error.reason}"
