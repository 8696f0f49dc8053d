"""The shipped stream, from the command line to the exit code: what a cache may merge, and what blocks it."""

import json

import pytest

from tests.e2e.test_tickets import checks, evalgate, project  # noqa: F401  project is a fixture


def judged(project, policy):  # noqa: F811
    done = evalgate(project, "run", "suites/faq-cache", "--policy", policy, "--format", "json")
    assert done.stderr == "" or "Traceback" not in done.stderr
    (comparison,) = json.loads(done.stdout)["comparisons"]
    return done, comparison, checks(done, "false_hit_rate")["max"]


def test_everything_that_is_open_ships(project):  # noqa: F811
    done = evalgate(project, "run", "suites/", "--format", "json")
    assert done.returncode == 0, done.stderr
    candidates = [(each["suite"], each["candidate"]) for each in json.loads(done.stdout)["comparisons"]]
    assert ("faq-cache", "careful-normalization") in candidates
    assert ("tickets", "router-threshold") in candidates


def test_the_careful_rule_is_proved_to_serve_less_than_one_percent_false_hits(project):  # noqa: F811
    done, comparison, rate = judged(project, "careful-normalization")
    assert done.returncode == 0
    assert comparison["verdict"] == "pass"
    assert (rate["method"], rate["candidate"]["value"]) == ("clopper_pearson", 0)
    assert rate["candidate"]["high"] < 0.01
    assert rate["n"] >= 299
    before, after = (comparison["sides"][side]["cache"] for side in ("baseline", "candidate"))
    assert after["positive_hit_rate"] > before["positive_hit_rate"] + 0.05
    assert after["false"] == after["stale"] == 0
    assert checks(done, "cost_per_correct")["max_rise"]["change"]["high"] < 0


def test_the_loose_rule_raises_the_hit_rate_and_is_blocked_by_false_hits(project):  # noqa: F811
    done, comparison, rate = judged(project, "cache-normalization")
    assert done.returncode == 1
    assert rate["verdict"] == "fail"
    assert rate["candidate"]["low"] > 0.01
    before, after = (comparison["sides"][side]["cache"] for side in ("baseline", "candidate"))
    assert after["hits"] > before["hits"]
    assert after["false_hits_per_1000_requests"] > 50
    assert rate["n"] == after["pairs"] < after["hits"]
    assert checks(done, "cost_per_correct")["max_rise"]["change"]["high"] < 0


def test_no_golden_near_miss_may_be_merged(project):  # noqa: F811
    for policy, blocked in (("careful-normalization", False), ("cache-normalization", True)):
        done, _, _ = judged(project, policy)
        near = checks(done, "near_miss_rate")["max"]
        assert (near["blocked"], near["candidate"]["value"] > 0.5) == (blocked, blocked)
        assert near["n"] >= 150


def test_a_semantic_cache_is_blocked_and_passes_with_a_verifier(project):  # noqa: F811
    done, comparison, rate = judged(project, "semantic-cache")
    assert (done.returncode, rate["verdict"]) == (1, "fail")
    assert comparison["sides"]["candidate"]["cache"]["by_meaning"] > 100
    done, comparison, rate = judged(project, "verified-semantic-cache")
    assert (done.returncode, comparison["verdict"], rate["candidate"]["value"]) == (0, "pass", 0)
    assert rate["n"] >= 299
    cache = comparison["sides"]["candidate"]["cache"]
    assert cache["by_meaning"] > 100
    assert cache["positive_hit_rate"] > comparison["sides"]["baseline"]["cache"]["positive_hit_rate"]


def test_answers_that_outlive_the_pages_are_stale(project):  # noqa: F811
    done, comparison, rate = judged(project, "question-alone")
    assert (done.returncode, rate["verdict"]) == (1, "fail")
    cache = comparison["sides"]["candidate"]["cache"]
    assert cache["stale"] == cache["false"] > 0


@pytest.mark.parametrize("format_name", ["text", "markdown"])
def test_what_the_cache_is_worth_and_what_it_breaks_stand_in_the_reports(project, format_name):  # noqa: F811
    done = evalgate(
        project, "run", "suites/faq-cache", "--policy", "cache-normalization", "--format", format_name
    )
    for row in ("cache hits", "right hits", "false hits per hit", "false hits per 1,000", "stale hits"):
        assert row in done.stdout


def test_the_html_report_names_false_hits(project):  # noqa: F811
    arguments = ("run", "suites/faq-cache", "--policy", "cache-normalization", "--report", "report.html")
    assert evalgate(project, *arguments).returncode == 1
    page = (project / "report.html").read_text(encoding="utf-8")
    assert "false-hit rate" in page
    assert "false hits 0 → " in page


def test_a_finished_run_is_compared_the_same(project):  # noqa: F811
    done, comparison, _ = judged(project, "cache-normalization")
    runs = project / ".evalgate" / "runs" / "faq-cache"
    names = [str(runs / f"{name}.run.jsonl") for name in ("production", "cache-normalization")]
    compared = evalgate(project, "compare", *names, "--format", "json")
    assert compared.returncode == done.returncode
    again = json.loads(compared.stdout)["comparisons"][0]
    assert (again["checks"], again["sides"]) == (comparison["checks"], comparison["sides"])


def test_a_sweep_of_the_similarity_trades_hits_against_false_ones(project):  # noqa: F811
    asked = ("sweep", "semantic-cache", "cache.similarity_threshold=0.9..0.98:2", "--format", "json", "-q")
    done = evalgate(project, *asked)
    assert done.returncode == 0, done.stderr
    loose, strict = (point["metrics"] for point in json.loads(done.stdout)["sweeps"][0]["points"])
    for metric in ("hit_rate", "false_hit_rate", "near_miss_rate"):
        assert strict[metric]["high"] <= loose[metric]["high"]
        assert strict[metric]["value"] < loose[metric]["value"]
    assert strict["accuracy"]["value"] > loose["accuracy"]["value"]
