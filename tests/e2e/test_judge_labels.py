"""People beside a judge: who labels enough corrects it, and until then its word is called unvalidated."""

import json

import pytest

from tests.command_line import ROOT, evalgate
from tests.mail_project import write_mail

CASES = 200
SUITE = """
policies: policies/mail
grader:
  kind: judge
  rubric: Correct when the answer says yes.
  labels: [good, bad]
  correct: [good]
  deployment: {provider: here, model: judge, revision: "1", price: {per_request: 0.001}}
"""
# The judge likes whatever is polite; people do not.
ANSWERS = '''
"""Two models, and a judge who likes manners."""
import json
import re

def answer(request):
    text = request.messages[-1].content
    if request.model == "judge":
        good = "please" in text or "yes" in text.replace("says yes", "")
        return json.dumps({"reason": "manners", "label": "good" if good else "bad"})
    number = int(re.findall("[0-9]+", text)[-1])
    wrong = number % 4 == 0 if request.model == "polite" else number % 10 == 0
    manners = " please" if request.model == "polite" else ""
    return ("no" if wrong else "yes") + manners
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("judged")
    cases = [{"id": f"m{n}", "input": f"mail {n}"} for n in range(CASES)]
    models = {"production": "plain", "manners": "polite"}
    write_mail(root, "{accuracy: {max_drop: 5pp}}", SUITE, ANSWERS, cases, models)
    assert evalgate(root, "record", "suites/mail").returncode == 0
    return root


def label(root, lines):
    """Fill in lines of a sheet as somebody would who cares for yes alone."""
    filled = [{**line, "correct": line["said"].startswith("yes"), "by": "ann"} for line in lines]
    (root / "suites/mail/labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in filled))


def sheet(root):
    (root / "suites/mail/labels.jsonl").unlink(missing_ok=True)
    assert evalgate(root, "judge-check", "suites/mail", "--to-label", "sheet.jsonl").returncode == 0
    return [json.loads(line) for line in (root / "sheet.jsonl").read_text().splitlines()]


def test_a_judge_without_labels_is_called_unvalidated_everywhere(project):
    (project / "suites/mail/labels.jsonl").unlink(missing_ok=True)
    said = "a judge graded that nobody has validated"
    blind = evalgate(project, "run", "--report", "report.html")
    assert blind.returncode == 0, blind.stderr
    told = " ".join(blind.stdout.split())
    assert said in told.split("limit on")[0]
    assert "the judge is unvalidated (people labelled 0 of the 200 cases" in told
    assert said in (project / "report.html").read_text()
    assert said in evalgate(project, "run", "--format", "markdown").stdout
    (comparison,) = json.loads(evalgate(project, "run", "--format", "json").stdout)["comparisons"]
    assert said in comparison["headline"]
    assert not comparison["judge"]["validated"]


def test_labels_correct_a_judge_who_favours_one_side(project):
    lines = sheet(project)
    assert len(lines) == 2 * CASES
    assert set(lines[0]) == {"case", "answer", "correct", "by", "question", "said"}
    (project / "suites/mail/labels.jsonl").write_text(json.dumps(lines[0]) + "\n")
    refused = evalgate(project, "run")
    assert refused.returncode == 2
    assert "labels.jsonl:1" in refused.stderr

    label(project, lines[:240])
    told = evalgate(project, "run", "--format", "json")
    (comparison,) = json.loads(told.stdout)["comparisons"]
    (accuracy,) = comparison["checks"]
    assert accuracy["method"] == "ppi"
    assert accuracy["change"]["high"] < -0.05
    assert (comparison["verdict"], told.returncode) == ("fail", 1)
    assert comparison["judge"] == {"validated": True, "labelled": 120, "differing": CASES, "because": ""}
    assert "nobody has validated" not in comparison["headline"]

    runs = project / ".evalgate/runs/mail"
    both = [str(runs / f"{name}.run.jsonl") for name in ("production", "manners")]
    again = evalgate(project, "compare", *both, "--format", "json")
    assert json.loads(again.stdout)["comparisons"][0]["checks"] == comparison["checks"]


def test_judge_check_tells_agreement_bias_flicker_and_what_to_label(project):
    label(project, sheet(project)[:240])
    quiet = evalgate(project, "judge-check", "suites/mail")
    assert quiet.returncode == 0, quiet.stderr
    said = " ".join(quiet.stdout.split())
    assert "mail: judge judges production → manners" in said
    assert "agreement with people: kappa" in said
    assert "an unknown share (no answer was judged more than once)" in said
    assert "in favour of the candidate, 90% interval" in said
    assert "both answers are labelled in 120 of the 200 cases" in said
    assert "label next, in this order" in said

    asked = evalgate(project, "judge-check", "suites/mail", "--again", "2", "--format", "json")
    (found,) = json.loads(asked.stdout)["checks"]
    assert (found["budget"], found["labelled"], found["differing"]) == (0.05, 120, CASES)
    assert len(found["next"]) == CASES - 120
    assert found["calls_made"] == 100
    assert found["flicker"]["value"] == 0
    assert found["bias"]["low"] > 0.1, "the judge accepts what is polite and wrong"
    recorded = evalgate(project, "judge-check", "suites/mail", "--format", "json")
    (found,) = json.loads(recorded.stdout)["checks"]
    assert (found["calls_made"], found["flicker"]["value"]) == (0, 0)


def test_a_suite_without_a_judge_has_none_to_check():
    done = evalgate(ROOT, "judge-check", "suites/tickets")
    assert done.returncode == 2
    assert "no model judges the answers of tickets one by one" in done.stderr
