"""The comment on a pull request: whether there is to be one, and what follows if GitHub will not have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalgate.core.errors import ExitCode
from evalgate.core.verdict import Decision
from evalgate.github.api import GitHub, GitHubRefused
from evalgate.github.comments import PullRequest, keep_comment
from evalgate.github.event import Event
from evalgate.report.github.comment import error_comment, is_worth_a_comment, marker, render

Wanted = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Commenter:
    """Where the comment goes. ``name`` tells the comments of several gates on one pull request apart."""

    github: GitHub
    pull: PullRequest
    name: str
    wanted: Wanted
    run_url: str


@dataclass(frozen=True, slots=True)
class Commented:
    """The comment's address, and what a person should know about why there is none."""

    url: str = ""
    notice: str = ""


def commenter(
    environ: Mapping[str, str], event: Event | None, token: str, name: str, wanted: Wanted
) -> Commenter | str:
    """Return where the comment goes, or why there is none; empty where nobody expects one."""
    if event is None or event.number is None or wanted == "never":
        return ""
    if event.fork:
        return "there is no comment on a pull request from a fork; the step's summary has everything"
    if not token:
        return "there is no comment, as no token was given; the step's summary has everything"
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    run = environ.get("GITHUB_RUN_ID", "")
    api = environ.get("GITHUB_API_URL", "https://api.github.com")
    github = GitHub(api, environ.get("GITHUB_GRAPHQL_URL", f"{api}/graphql"), token)
    url = f"{server}/{event.repository}/actions/runs/{run}" if run else ""
    return Commenter(github, PullRequest(event.repository, event.number), name, wanted, url)


def comment_on(decision: Decision, to: Commenter) -> Commented:
    """Write or update the comment; a refusal is told and changes nothing about the verdict."""
    create = to.wanted == "always" or is_worth_a_comment(decision)
    return _kept(to, render(decision, to.name, to.run_url), create=create)


def comment_on_error(error: BaseException, code: ExitCode, to: Commenter) -> Commented:
    """Update the comment, where there is one, so that it does not go on telling an older verdict."""
    return _kept(to, error_comment(error, code, to.name, to.run_url), create=False)


def _kept(to: Commenter, body: str, *, create: bool) -> Commented:
    try:
        url = keep_comment(to.github, to.pull, marker(to.name), body, create=create)
    except GitHubRefused as refused:
        return Commented(
            notice=f"the comment could not be written ({refused}); the step's summary has everything"
        )
    return Commented(url or "")
