"""Which commit a change is judged against: the one that merging it would change."""

from dataclasses import dataclass

from evalgate.core.errors import BadInput, Problem
from evalgate.github.event import Event
from evalgate.load.from_git.git import PREFIX, Commit, Repository, find_commit, names_a_commit
from evalgate.load.from_git.git_changes import head, holds, merge_base, parents

_SHORT = 12
_DEPTH = "give actions/checkout `fetch-depth: {}`"


@dataclass(frozen=True, slots=True)
class Base:
    """The commit that judges, None where there is none yet; ``all``: judge also what did not change."""

    commit: Commit | None
    all: bool = False


def find_base(repository: Repository, event: Event | None, asked: str | None) -> Base:
    """Return the commit to judge against; ``asked`` is ``git:REF`` where somebody names one.

    Raises:
        BadInput: the commit is not in this clone, or what is checked out is not what the event is about.

    """
    if asked is not None and names_a_commit(asked):
        return Base(find_commit(repository, asked))
    if event is None:
        return Base(find_commit(repository, "git:merge-base"))
    here = head(repository)
    return Base(None) if here is None else _of_event(repository, event, here)


def _of_event(repository: Repository, event: Event, here: str) -> Base:
    match event.name:
        case "pull_request":
            return Base(_of_pull_request(repository, event, here))
        case "merge_group":
            assert event.base_sha is not None
            return Base(_held(repository, event.base_sha, "the queue's base", _DEPTH.format(0)))
        case "push":
            return Base(_of_push(repository, event, here))
        case "schedule" | "workflow_dispatch":
            return Base(_commit(here), all=True)


def _of_pull_request(repository: Repository, event: Event, here: str) -> Commit:
    """Return the tip of the base branch, which is the first parent of the merge that GitHub checks out.

    The head itself may be checked out too. Its own parent must not judge it then: two commits of one pull
    request, the first of which loosens a budget, would pass.
    """
    found = parents(repository, here)
    if len(found) == 2 and found[1] == event.head_sha:
        return _held(repository, found[0], "the tip of the base branch", _DEPTH.format(2))
    assert event.base_sha is not None
    common = merge_base(repository, here, event.base_sha) if holds(repository, event.base_sha) else None
    if common is not None:
        return _commit(common)
    message = "what is checked out is not the merge of this pull request, and its base is not in this clone"
    cure = f"leave `ref` of actions/checkout out and {_DEPTH.format(2)}, or with `ref` {_DEPTH.format(0)}"
    raise BadInput([Problem(message, cure)])


def _of_push(repository: Repository, event: Event, here: str) -> Commit | None:
    if event.base_sha is not None:
        return _held(repository, event.base_sha, "the commit before the push", _DEPTH.format(0))
    # A new branch was nothing before: its newest commit is judged by the one before it.
    found = parents(repository, here)
    return _held(repository, found[0], "the parent of the commit", _DEPTH.format(2)) if found else None


def _held(repository: Repository, sha: str, what: str, cure: str) -> Commit:
    if holds(repository, sha):
        return _commit(sha)
    why = "this clone is shallow and" if repository.shallow else "this clone"
    raise BadInput([Problem(f"{why} does not hold {what}, {sha[:_SHORT]}", cure)])


def _commit(sha: str) -> Commit:
    return Commit(sha, f"{PREFIX}{sha[:_SHORT]}")
