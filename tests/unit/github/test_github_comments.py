"""The one comment: found among all, by marker and author, written once and kept up to date."""

import pytest

from evalgate.github.api import GitHub, GitHubRefused
from evalgate.github.comments import PullRequest, keep_comment
from tests.github_api import FakeGitHub

MARKER = "<!-- evalgate:v1 gate -->"
PULL = PullRequest("owner/words", 7)


@pytest.fixture
def fake():
    with FakeGitHub() as server:
        yield server


@pytest.fixture
def slept():
    return []


@pytest.fixture
def keep(fake, slept):
    github = GitHub(fake.origin, f"{fake.origin}/graphql", "secret", slept.append)
    return lambda text, create=True: keep_comment(github, PULL, MARKER, f"{MARKER}\n{text}", create=create)


def texts(fake):
    return [each["body"].removeprefix(MARKER).strip() for each in fake.comments]


def test_it_is_created_once_and_then_updated(fake, keep):
    assert keep("one").endswith("/comment/1000")
    assert keep("two").endswith("/comment/1000")
    assert keep("three", create=False).endswith("/comment/1000")
    assert texts(fake) == ["three"]
    assert fake.tokens == {"Bearer secret"}


def test_it_is_not_created_unless_it_is_worth_it(fake, keep):
    assert keep("one", create=False) is None
    assert fake.comments == []


def test_it_is_found_behind_a_hundred_others(fake, keep):
    for number in range(100):
        fake.add(f"comment {number}", login="someone")
    ours = fake.add(f"{MARKER}\nold")
    keep("new")
    assert len(fake.comments) == 101
    assert fake.comments[-1] == {
        "id": ours,
        "body": f"{MARKER}\nnew",
        "login": "github-actions",
        "mine": True,
    }


@pytest.mark.parametrize("login", ["mallory", None])
def test_somebody_elses_comment_with_our_marker_is_left_alone(fake, keep, login):
    fake.add(f"{MARKER}\nnot ours", login=login, mine=False)
    keep("ours")
    assert texts(fake) == ["not ours", "ours"]


def test_a_quoted_marker_is_not_ours(fake, keep):
    fake.add(f"> {MARKER}\nquoted")
    keep("ours")
    assert texts(fake)[1] == "ours"


def test_another_gates_comment_is_left_alone(fake, keep):
    fake.add("<!-- evalgate:v1 gate-2 -->\nother")
    keep("ours")
    assert len(fake.comments) == 2


def test_the_name_of_the_asking_bot_is_enough(fake, keep):
    fake.knows_author = False
    fake.add(f"{MARKER}\nold")
    keep("new")
    assert texts(fake) == ["new"]


def test_a_comment_that_is_deleted_meanwhile_is_written_anew(fake, keep):
    fake.add(f"{MARKER}\nold")
    fake.failures.append(("PATCH", 404))
    keep("new")
    assert texts(fake) == ["old", "new"]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 422])
def test_a_refusal_is_not_asked_twice(fake, keep, slept, status):
    fake.failures.append(("POST", status))
    with pytest.raises(GitHubRefused, match=f"{status}: no POST"):
        keep("one")
    assert slept == []
    assert [kind for kind, _ in fake.asked] == ["QUERY", "POST"]


def test_a_server_error_is_asked_again_and_then_given_up(fake, keep, slept):
    fake.failures += [("POST", 500), ("POST", 502)]
    assert keep("one")
    assert slept == [1.0, 2.0]
    fake.failures += [("PATCH", 500)] * 3
    with pytest.raises(GitHubRefused, match="500"):
        keep("two")


@pytest.mark.parametrize(("after", "waited"), [("3", [3.0]), ("soon", [10.0])])
def test_a_secondary_rate_limit_is_waited_for(fake, keep, slept, after, waited):
    fake.failures.append(("POST", 403, {"retry-after": after}))
    assert keep("one")
    assert slept == waited


def test_a_long_rate_limit_is_not(fake, keep, slept):
    fake.failures.append(("POST", 429, {"retry-after": "60"}))
    with pytest.raises(GitHubRefused, match="429"):
        keep("one")
    assert slept == []


def test_a_redirect_is_not_followed(fake, keep):
    fake.failures.append(("POST", 307, {"location": f"{fake.origin}/elsewhere"}))
    with pytest.raises(GitHubRefused, match="307"):
        keep("one")
    assert ("POST", "/elsewhere") not in fake.asked


def test_a_token_is_not_sent_without_encryption():
    github = GitHub("http://github.example", "http://github.example/graphql", "secret")
    with pytest.raises(GitHubRefused, match="not https"):
        keep_comment(github, PULL, MARKER, "text", create=True)


def test_what_cannot_be_reached_is_given_up(slept):
    with FakeGitHub() as gone:
        origin = gone.origin
    github = GitHub(origin, f"{origin}/graphql", "secret", slept.append)
    with pytest.raises(GitHubRefused, match="cannot be reached"):
        keep_comment(github, PULL, MARKER, "text", create=True)
    assert len(slept) == 2


def test_a_query_that_is_not_answered_is_a_refusal(fake, keep, monkeypatch):
    monkeypatch.setattr(fake, "_page", lambda _: {"errors": [{"message": "no"}], "data": None})
    with pytest.raises(GitHubRefused, match="not answered"):
        keep("one")
    monkeypatch.setattr(fake, "_page", lambda _: {"data": {"viewer": {"login": "x"}, "repository": None}})
    with pytest.raises(GitHubRefused, match="no such pull request"):
        keep("one")
