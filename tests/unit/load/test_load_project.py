"""Projects: finding evalgate.yaml and suites, choosing policies, limits, prices, and all problems at once."""

import pytest

from evalgate.core.budgets import Limit
from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Grade
from evalgate.load.project import load_project

SUITE = "suites/tickets/suite.yaml"
PRODUCTION = "policies/tickets/production.yaml"


def names(project):
    return [suite.name for suite in project.suites]


def copy_policy(files, name, family="tickets"):
    return files.write(f"policies/{family}/{name}.yaml", (files.root / PRODUCTION).read_text())


def copy_suite(files, name, folder="suites"):
    files.write(f"{folder}/{name}/suite.yaml", (files.root / SUITE).read_text())
    files.write(f"{folder}/{name}/cases.jsonl", (files.root / "suites/tickets/cases.jsonl").read_text())


def test_a_project_is_loaded(files):
    project = files.load()
    (suite,) = project.suites
    assert (suite.name, suite.file, suite.correct_at, suite.trials) == ("tickets", SUITE, 1.0, 1)
    assert suite.baseline.name == "production"
    assert [policy.name for policy in suite.proposals] == ["threshold"]
    assert project.root == files.root
    assert set(project.providers) == {"local"}
    assert project.functions == {}


def test_the_project_is_found_from_a_folder_inside_it(files):
    files.start = files.root / "suites"
    assert names(files.load()) == ["tickets"]


def test_without_a_project_file_the_cure_is_told(files):
    (files.root / "evalgate.yaml").unlink()
    assert files.said() == (
        "there is no evalgate.yaml here\n"
        "    go into a project, or create evalgate.yaml at its root; one line is enough: suites: [suites]"
    )
    files.start = files.root / "suites"
    assert f"here or above, up to {files.root.name}/, the root of the git repository" in files.said()
    files.write("evalgate.yml", "")
    assert "rename evalgate.yml to evalgate.yaml" in files.said()


def test_the_search_stops_at_the_git_root(files):
    inner = files.root / "vendored"
    (inner / ".git").mkdir(parents=True)
    files.start = inner
    assert "there is no evalgate.yaml here" in files.said()


@pytest.mark.parametrize("asked", ["suites", "suites/", "suites/tickets", f"./{SUITE}", "tickets"])
def test_ways_to_name_a_suite(files, asked):
    copy_suite(files, "other", "elsewhere")
    assert names(files.load(asked)) == ["tickets"]


def test_a_suite_named_twice_is_loaded_once(files):
    assert names(files.load("suites", "tickets", SUITE)) == ["tickets"]


def test_suites_are_found_by_globs(files):
    files.edit("evalgate.yaml", "[suites]", "[suites, teams/*/suites]")
    copy_suite(files, "one", "teams/a/suites")
    copy_suite(files, "two", "teams/b/suites")
    assert names(files.load()) == ["tickets", "one", "two"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("tickts", "tickts: there is no such suite or folder\n    did you mean 'tickets'?"),
        ("suites/tickts", "suites/tickts: there is no such suite or folder\n    did you mean 'tickets'?"),
        (
            "policies",
            (
                "policies holds no suite: no suite.yaml in it or in the folders directly in it\n"
                "    the project's suites are: tickets"
            ),
        ),
    ],
)
def test_a_suite_that_is_not_there(files, asked, said):
    assert files.said(asked) == said


def test_a_suite_of_another_project(files, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "suite.yaml").write_text("")
    assert files.said(str(other)) == (
        f"{other} is outside the project at {files.root.name}/\n"
        "    start in the folder of that suite's own project"
    )


def test_a_project_without_suites(files):
    (files.root / SUITE).unlink()
    assert "the project has no suites: nothing with a suite.yaml in suites" in files.said()


def test_two_suites_of_one_name(files):
    files.edit("evalgate.yaml", "[suites]", "[suites, more]")
    copy_suite(files, "tickets", "more")
    assert files.said() == (
        "2 suites are called 'tickets': suites/tickets and more/tickets\n    rename the folder of one of them"
    )


def test_proposals_are_the_other_yaml_files_directly_in_the_family(files):
    copy_policy(files, "cheaper")
    copy_policy(files, "rejected/quantized")
    files.write("policies/tickets/prompts/ask.yaml", "not: a policy")
    files.write("policies/tickets/prompt.txt", "not a policy")
    assert [policy.name for policy in files.load().suites[0].proposals] == ["cheaper", "threshold"]


@pytest.mark.parametrize("asked", ["quantized", "policies/tickets/rejected/quantized.yaml"])
def test_what_was_rejected_is_judged_only_when_named(files, asked):
    copy_policy(files, "rejected/quantized")
    (suite,) = files.load(policies=(asked,)).suites
    assert [(policy.name, policy.family) for policy in suite.proposals] == [("quantized", "tickets")]
    assert suite.baseline.name == "production"


def test_the_baseline_may_be_named(files):
    (suite,) = files.load(baseline="threshold").suites
    assert suite.baseline.name == "threshold"
    assert [policy.name for policy in suite.proposals] == ["production"]
    assert files.load(baseline=PRODUCTION).suites[0].baseline.name == "production"


def test_a_family_without_its_baseline_has_none(files):
    (files.root / PRODUCTION).unlink()
    (suite,) = files.load().suites
    assert suite.baseline is None
    assert files.said(baseline="production") == (
        "--baseline production: there is no such policy in tickets/\n    its policies are: threshold"
    )


def test_a_policy_outside_the_suites_family(files):
    path = copy_policy(files, "p", "other")
    assert files.said(policies=(str(path),)) == (
        f"--policy {path}: the policy is outside the suite's family (tickets/)\n"
        "    move the file into the family, or choose a suite that judges its family"
    )


def test_a_policy_that_is_not_there(files):
    assert files.said(policies=("treshold", "x/y.yaml")) == (
        "--policy treshold: there is no such policy in tickets/\n    did you mean 'threshold'?\n"
        "--policy x/y.yaml: no such file\n    name a policy, or the path of its file"
    )


def test_a_policy_need_only_be_in_the_family_of_one_suite(files):
    copy_suite(files, "other")
    files.edit("suites/other/suite.yaml", "policies/tickets", "policies/other")
    copy_policy(files, "production", "other")
    assert [len(suite.proposals) for suite in files.load(policies=("threshold",)).suites] == [0, 1]


@pytest.mark.parametrize(
    ("family", "said"),
    [
        (
            "policies/tickts",
            (
                "suite.yaml:1:11: policies: there is no 'policies/tickts' in the project's root\n"
                "    did you mean 'tickets'?"
            ),
        ),
        (
            "policies",
            (
                "suite.yaml:1:11: policies: 'policies' holds no policies\n"
                "    write the policy that serves today as production.yaml in it"
            ),
        ),
        (
            PRODUCTION,
            f"suite.yaml:1:11: policies: '{PRODUCTION}' is a file\n    name the folder of policies: a family",
        ),
        ("../elsewhere", "policies: '../elsewhere' is outside the project"),
    ],
)
def test_a_family_that_is_none(files, family, said):
    files.suite("policies/tickets", family)
    assert said in files.said()


def test_a_suites_budget_for_a_metric_replaces_the_projects(files):
    files.edit(
        "evalgate.yaml",
        "budgets:\n",
        "on_inconclusive: block\nbudgets:\n  cost_per_correct: {max_rise: 5%, max: 0.01usd}\n",
    )
    files.suite("grader:", "budgets: {accuracy: {max_drop: 2pp, on_inconclusive: estimate}}\ngrader:")
    rules = files.load().suites[0].rules
    assert rules.limits == (
        Limit("accuracy", "max_drop", 0.02, "share", "absolute", "estimate"),
        Limit("cost_per_correct", "max_rise", 0.05, "share", "relative", "block"),
        Limit("cost_per_correct", "max", 0.01, "usd", "absolute", "block"),
        Limit("latency_p95", "max_rise", 0.10, "share", "relative", "warn"),
        Limit("latency_p95", "max", 2.5, "s", "absolute", "warn"),
    )
    assert (rules.alpha, rules.slice_by) == (0.05, None)


def test_slice_budgets_become_a_tripwire_and_full_budgets_of_critical_slices(files):
    files.suite(
        "grader:", "budgets: {slices: {by: channel, accuracy: {max_drop: 5pp}, critical: [email]}}\ngrader:"
    )
    files.edit("suites/tickets/cases.jsonl", '"id": "t-1"', '"id": "t-1", "slices": {"channel": "email"}')
    rules = files.load().suites[0].rules
    assert rules.slice_by == "channel"
    assert [(each.slice, each.critical, each.allowance) for each in rules.limits if each.slice] == [
        ("*", False, 0.05),
        ("email", True, 0.05),
    ]


def test_a_budget_of_more_than_all_cases(files):
    files.edit("evalgate.yaml", "min: 85%", "min: 850%")
    assert (
        files.said()
        == "evalgate.yaml:5:34: budgets.accuracy.min: 850% is more than all cases\n    write at most 100"
    )


def test_prices_are_read(files):
    files.edit("evalgate.yaml", "suites:", 'price_at: "2026-11-01"\nprices: prices.yaml\nsuites:')
    assert "evalgate.yaml:2:9: prices: there is no 'prices.yaml' in the project's root" in files.said()
    files.write("prices.yaml", "local/large: {input_per_1m: 1.5}\n")
    project = files.load()
    assert (project.price_at, project.prices["local/large"].input_per_1m) == ("2026-11-01", 1.5)
    files.write("prices.yaml", "local/large: {input_per_1M: 1.5}\n")
    assert (
        files.said()
        == "prices.yaml:1:15: local/large.input_per_1M: unknown key\n    did you mean 'input_per_1m'?"
    )
    files.write("prices.yaml", "")
    files.edit("evalgate.yaml", "2026-11-01", "last week")
    assert "evalgate.yaml:1:11: price_at: 'last week' is not a date" in files.said()


def test_a_number_for_a_date_is_text(files):
    files.edit("evalgate.yaml", "suites:", "price_at: 2026-11-01\nsuites:")
    assert files.load().price_at == "2026-11-01"


def test_all_problems_of_all_files_are_told_at_once(files):
    files.edit("evalgate.yaml", "providers", "provider")
    files.suite("grader", "grade")
    copy_suite(files, "second")
    files.edit("suites/second/suite.yaml", "grade:", "correct_at: 0.5\ngrader:")
    files.edit("suites/second/cases.jsonl", '"billing"', '"biling"')
    files.production("router", "rooter")
    files.edit("policies/tickets/threshold.yaml", "threshold: 0.7", "threshold: 7")
    assert [problem.file for problem in files.problems()] == [
        "evalgate.yaml",
        "suites/tickets/suite.yaml",
        "policies/tickets/production.yaml",
        "policies/tickets/threshold.yaml",
        "suites/second/cases.jsonl",
    ]


def test_one_broken_policy_that_two_suites_judge_is_told_once(files):
    copy_suite(files, "second")
    files.production("threshold: 0.5", "threshold: 5")
    assert len(files.problems()) == 1


def test_places_are_told_from_the_current_directory(files, monkeypatch):
    files.suite("grader", "grade")
    files.start = files.root / "policies"
    monkeypatch.chdir(files.start)
    assert {problem.file for problem in files.problems()} == {"../suites/tickets/suite.yaml"}
    monkeypatch.chdir(files.root.parent)
    assert {problem.file for problem in files.problems()} == {f"{files.root.name}/{SUITE}"}


def test_the_suites_digest_covers_what_decides_a_grade(files):
    def digest():
        return files.load().suites[0].digest

    before = digest()
    assert digest() == before
    files.suite("policies:", "description: new words\ncleanup_usd_per_wrong: 1\npolicies:")
    files.edit("suites/tickets/cases.jsonl", '"id": "t-1", ', '"id":"t-1",\t')
    assert digest() == before
    digests = {before}
    for old, new in [
        ("grader:", "correct_at: 0.5\ngrader:"),
        ("grader:", "trials: 3\ngrader:"),
        ("grader:", "ordered: true\ngrader:"),
        ("kind: choice", "ignore_case: false, kind: choice"),
    ]:
        files.suite(old, new)
        digests.add(digest())
        files.suite(new, old)
    files.edit("suites/tickets/cases.jsonl", "twice", "thrice")
    digests.add(digest())
    assert len(digests) == 6


GRADERS = """\
from evalgate.core.outcome import Grade

def as_bool(case, answer):
    return answer.text == case.target

def as_score(case, answer):
    return 0.5

def with_reason(case, answer):
    return 0.9, "nearly"

def as_grade(case, answer):
    return Grade(score=1.0, correct=True, reason="yes")

def as_text(case, answer):
    return "right"
"""


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("as_bool", Grade(1.0, True)),
        ("as_score", Grade(0.5, False)),
        ("with_reason", Grade(0.9, True, "nearly")),
        ("as_grade", Grade(1.0, True, "yes")),
        ("as_text", "right"),
    ],
)
def test_the_users_grader(files, name, grade):
    files.write("graders.py", GRADERS)
    files.suite(
        "{kind: choice, labels: [billing, shipping]}",
        f"{{kind: function, path: 'graders:{name}'}}\ncorrect_at: 0.8",
    )
    grader = files.load().suites[0].grade_function
    assert grader(Case(id="a", input="x", target="t"), Answer("t")) == grade


def test_a_changed_grader_changes_the_suites_digest(files):
    files.write("graders.py", GRADERS)
    files.suite("{kind: choice, labels: [billing, shipping]}", "{kind: function, path: 'graders:as_bool'}")
    before = files.load().suites[0].digest
    files.write("graders.py", GRADERS + "# new\n")
    assert files.load().suites[0].digest != before


def test_a_function_provider_is_imported_when_a_policy_uses_it(files):
    files.write("models_here.py", "def answer(request):\n    return 'x'\n")
    files.edit(
        "evalgate.yaml",
        "providers:\n",
        (
            "providers:\n  app: {kind: function, path: 'models_here:answer'}\n  unused: {kind: function, "
            "path: 'no_such_module_y:f'}\n"
        ),
    )
    assert files.load().functions == {}
    files.production('provider: local, model: small, revision: "1"', "provider: app, model: small")
    assert (
        f"{PRODUCTION}:6:11: deployments.weak.revision: a function needs a revision: "
        "its name says nothing about what answers\n    add revision: "
    ) in files.said()
    files.production("provider: app, model: small", 'provider: app, model: small, revision: "1"')
    project = files.load()
    assert project.functions["app"]("question") == "x"
    assert load_project(files.start).functions == {}, "a replay imports nobody's model"
    assert project.suites[0].baseline.deployments["weak"].kind == "function"


def test_a_function_provider_that_cannot_be_imported_is_told_at_its_path(files):
    files.edit(
        "evalgate.yaml",
        'local: {kind: openai, origin: "http://127.0.0.1:8080"}',
        "local: {kind: function, path: 'no_such_module_z:f'}",
    )
    assert (
        "evalgate.yaml:3:33: providers.local.path: 'no_such_module_z:f': there is no module "
        "'no_such_module_z'"
    ) in files.said()


def test_a_routers_function_is_imported_and_its_code_is_part_of_the_digest(files):
    files.write("routing_here.py", "def need(case):\n    return 0.25\n")
    files.production("kind: column, column: need", "kind: function, path: 'routing_here:need'")
    policy = files.load().suites[0].baseline
    assert policy.router.function(Case(id="a", input="x")) == 0.25
    files.write("routing_here.py", "def need(case):\n    return 0.75\n")
    assert files.load().suites[0].baseline.digest != policy.digest
