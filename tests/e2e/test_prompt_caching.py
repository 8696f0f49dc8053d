"""A provider that caches prompts: one trimmed below its minimum is blocked, one trimmed above it ships."""

import json

import pytest

from tests.command_line import evalgate
from tests.prompt_cache_project import CACHE, POLICIES, SUITE, policy, rules, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    record(root, *POLICIES)
    return root


def record(root, *names):
    every = [option for name in names if name != "production" for option in ("--policy", name.split("/")[-1])]
    done = evalgate(root, "record", "suites/desk", *every, "--seed", "1", "-q")
    assert done.returncode == 0, done.stderr


def judged(root, *arguments):
    done = evalgate(root, *arguments, "--format", "json")
    assert done.returncode in {0, 1, 3}, done.stderr
    (found,) = json.loads(done.stdout)["comparisons"]
    return done.returncode, found


def tokens(found, side="candidate", state="cold"):
    return found["sides"][side]["prompt_cache"][state]["read_tokens"]


def test_a_prompt_trimmed_above_the_minimum_ships_cheaper(project):
    code, found = judged(project, "run")
    assert code == 0, found["headline"]
    assert found["candidate"] == "without-examples"
    assert found["headline"].startswith("cost per correct fell by 47%")
    assert tokens(found, state="warm") == 1152


def test_a_prompt_trimmed_below_the_minimum_costs_more_and_is_blocked(project):
    code, found = judged(project, "run", "--policy", "short-rules")
    assert code == 1
    assert found["headline"].startswith("cost per correct rose by at least")
    before, after = (found["sides"][side]["prompt_cache"] for side in ("baseline", "candidate"))
    assert after["prompt_tokens"] < before["prompt_tokens"]
    assert tokens(found) == 0
    # What the recordings found would have let it pass: there the candidate's cache was as warm.
    assert (
        after["recorded_tokens"] / after["prompt_tokens"]
        > before["recorded_tokens"] / before["prompt_tokens"]
    )
    states = found["prompt_caches"]
    assert (states["state"], states["declared"]) == ("cold", False)
    assert states["cold"]["change"]["low"] > 1
    assert states["warm"]["change"]["low"] > 1
    assert float(states["warm"]["baseline"]["value"]) < float(states["cold"]["baseline"]["value"])


def test_what_changes_standing_first_leaves_nothing_to_be_found(project):
    code, found = judged(project, "run", "--policy", "customer-first")
    assert code == 1
    assert tokens(found) == tokens(found, state="warm") == 0
    assert tokens(found, "baseline") > 1300


def test_a_policy_against_itself_loses_nothing(project):
    copy = project / "policies/desk/rejected/copy.yaml"
    copy.write_text(POLICIES["production"])
    code, found = judged(project, "run", "--policy", "copy")
    copy.unlink()
    assert code == 0
    assert found["headline"].startswith("nothing changed")
    assert found["prompt_caches"]["warm"]["change"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_two_finished_runs_are_judged_alike(project):
    _, first = judged(project, "run", "--policy", "short-rules")
    runs = (f".evalgate/runs/desk/{name}.run.jsonl" for name in ("production", "short-rules"))
    code, again = judged(project, "compare", *runs)
    assert code == 1
    assert again["prompt_caches"] == first["prompt_caches"]
    assert again["sides"] == first["sides"]


def test_every_report_tells_both_states_and_the_path_of_a_case(project):
    done = evalgate(project, "run", "--policy", "short-rules", "--report", "report.html", "-q")
    said = " ".join(done.stdout.split())
    for told in ("cached input, cold", "cached input, recorded", "cost per correct, warm"):
        assert told in said
    assert "a verdict must hold with either" in said
    page = (project / "report.html").read_text()
    assert "Prompt caches, cold and warm" in page
    assert "prompt caching" in page
    assert "0.0% of the input cached" in page
    summary = evalgate(project, "run", "--policy", "short-rules", "--format", "markdown", "-q").stdout
    assert "| cached input, cold |" in summary
    assert "a verdict must hold with either" in summary


def write(root, policies, suite=SUITE):
    write_project(root, policies, suite)
    record(root, *policies)


SHORT_LIVED = CACHE.replace("ttl_s: 300", "ttl_s: 0.5")


def test_sparse_traffic_pays_for_writes_that_nobody_reads(tmp_path):
    written = {"production": policy(rules(115), cache=""), "cached": policy(rules(115), cache=SHORT_LIVED)}
    write(tmp_path, written)
    prices = "desk/large: {input_per_1m: 2.5, cached_input_per_1m: 0.25, cache_write_per_1m: 3.125}\n"
    (tmp_path / "prices.yaml").write_text(prices)
    _, found = judged(tmp_path, "run")
    side = found["sides"]["candidate"]["prompt_cache"]
    assert side["cold"]["read_tokens"] == 0
    assert side["cold"]["written_tokens"] == 1152


def test_recorded_and_predicted_tokens_are_not_compared(tmp_path):
    write(tmp_path, {"production": policy(rules(115), cache=""), "cached": policy(rules(115))})
    code, found = judged(tmp_path, "run")
    assert code == 3
    (check,) = [each for each in found["checks"] if each["metric"] == "cost_per_correct"]
    assert "cache state unknown" in check["reason"]
    assert "declare it for all" in check["reason"]


def test_a_suite_that_says_how_caches_are_found_is_judged_by_that(tmp_path):
    write(
        tmp_path,
        {name: POLICIES[name] for name in ("production", "without-examples")},
        SUITE + "prompt_cache: warm\n",
    )
    code, found = judged(tmp_path, "run")
    assert code == 0
    states = found["prompt_caches"]
    assert (states["state"], states["declared"]) == ("warm", True)
    (check,) = [each for each in found["checks"] if each["metric"] == "cost_per_correct"]
    assert check["change"] == states["warm"]["change"]
    assert "with cold prompt caches" in check["reason"]
    assert check["baseline"] == states["warm"]["baseline"]


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ("prompt_cache: {block_tokens: 128, capacity_tokens: 100}", "never holds a prompt of 1024"),
        ("prompt_cache: {}, price: {reported: true}", "there is nothing to predict"),
        ("prompt_cache: {ttl: 300}", "ttl_s"),
    ],
)
def test_what_is_wrong_in_a_prompt_cache_is_said_with_its_cure(project, cache, said):
    wrong = project / "policies/desk/rejected/wrong.yaml"
    wrong.write_text(policy(rules(1), cache=cache))
    done = evalgate(project, "run", "--policy", "wrong")
    wrong.unlink()
    assert done.returncode == 2
    assert said in done.stderr
