"""One comment on a pull request that is written once and then kept up to date."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from evalgate.github.api import GitHub, GitHubRefused

_MOST_PAGES = 100
# GraphQL says who asks; the REST API does not tell a workflow's token its own name.
_QUERY = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        nodes { databaseId url body viewerDidAuthor author { login } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """``repository`` is ``owner/name``."""

    repository: str
    number: int


def keep_comment(github: GitHub, pull: PullRequest, marker: str, body: str, *, create: bool) -> str | None:
    """Update our comment that begins with ``marker``; with ``create`` write it where there is none.

    Return its address, or None where there is none and none was wanted.

    Raises:
        GitHubRefused: GitHub would not have it.

    """
    found = next((each for each in _comments(github, pull) if _is_ours(each, marker)), None)
    if found is not None:
        try:
            path = f"/repos/{pull.repository}/issues/comments/{found['databaseId']}"
            return _address(github.rest("PATCH", path, {"body": body}))
        except GitHubRefused as refused:
            # Somebody deleted it in between.
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
    if not create and found is None:
        return None
    path = f"/repos/{pull.repository}/issues/{pull.number}/comments"
    return _address(github.rest("POST", path, {"body": body}))


def _address(answer: Any) -> str:
    return str(answer.get("html_url", "")) if isinstance(answer, dict) else ""


def _comments(github: GitHub, pull: PullRequest) -> Iterator[Mapping[str, Any]]:
    owner, _, name = pull.repository.partition("/")
    after = None
    for _ in range(_MOST_PAGES):
        variables = {"owner": owner, "name": name, "number": pull.number, "after": after}
        data = github.query(_QUERY, variables)
        try:
            page = data["repository"]["pullRequest"]["comments"]
            for node in page["nodes"]:
                yield {**node, "viewer": data["viewer"]["login"]}
            info = page["pageInfo"]
        except (KeyError, TypeError):
            raise GitHubRefused(HTTPStatus.OK, "there is no such pull request for this token") from None
        if not info["hasNextPage"]:
            return
        after = info["endCursor"]


def _is_ours(comment: Mapping[str, Any], marker: str) -> bool:
    """Tell our comment from one in which somebody else wrote our marker."""
    if not str(comment["body"]).startswith(marker):
        return False
    author = comment["author"]
    return bool(comment["viewerDidAuthor"]) or (
        author is not None and _plain(author["login"]) == _plain(comment["viewer"])
    )


def _plain(login: str) -> str:
    return login.removesuffix("[bot]").lower()
