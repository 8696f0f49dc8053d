"""``evalgate check``: everything a person wrote is looked at, and every problem told with its place."""

import json

import pytest

from evalgate.core.calls import Attempt


@pytest.fixture
def found(evalgate):
    """Run check; return its exit code, and errors and warnings as ``place: message`` lines."""

    def run():
        code, out, err = evalgate("check", "--format", "json")
        assert err == ""
        review = json.loads(out)
        assert review["exit_code"] == code
        return code, *(
            [
                ":".join(str(each[key]) for key in ("file", "line") if each[key] is not None)
                + f": {each['message']}"
                for each in review[level]
            ]
            for level in ("errors", "warnings")
        )

    return run


@pytest.fixture
def sound(mail):
    """A project without anything to complain about."""
    mail.record_all()
    return mail


def test_a_sound_project(sound, evalgate, no_sockets):
    code, out, err = evalgate("check")
    assert (code, err) == (0, "")
    assert out == "nothing to complain about in 1 suite, 4 cases, 2 policies and 2 recordings files\n"


def test_no_project_is_an_error_of_every_format(tmp_path, monkeypatch, evalgate):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for format_name, begins in (
        ("text", "1 error"),
        ("json", "{"),
        ("github", "::error title=evalgate::there is"),
    ):
        code, out, _ = evalgate("check", "--format", format_name)
        assert (code, out.startswith(begins)) == (2, True)


def test_errors_of_all_files_come_at_once(sound, found):
    sound.edit("evalgate.yaml", "60pp", "60")
    sound.edit("suites/mail/suite.yaml", "rooms", "halls")
    sound.edit("policies/mail/threshold.yaml", "threshold:", "treshold:")
    sound.write("policies/mail/rejected/old.yaml", "deployments: {}\n")
    code, errors, _ = found()
    assert code == 2
    assert {line.split(":")[0] for line in errors} == {
        "evalgate.yaml",
        "suites/mail/cases.jsonl",
        "policies/mail/threshold.yaml",
        "policies/mail/rejected/old.yaml",
    }


def test_what_was_rejected_is_checked_like_the_rest(sound, found):
    policy = (sound.root / "policies/mail/threshold.yaml").read_text()
    sound.write("policies/mail/rejected/old.yaml", policy.replace("column: need", "column: noed"))
    code, errors, _ = found()
    assert code == 2
    assert "policies/mail/rejected/old.yaml reads 'noed'" in errors[0]


def test_calls_nobody_recorded_are_a_warning_with_their_number(mail, found):
    mail.record("weak", "m-1", "m-2")
    mail.record("strong", "m-3", "m-4")
    code, errors, warnings = found()
    assert (code, errors) == (0, [])
    assert warnings == [
        "policies/mail/threshold.yaml: 1 of 4 calls on suite 'mail' are not recorded (cases m-2)"
    ]


def test_a_price_nobody_knows_is_an_error_at_the_deployment(sound, found):
    sound.edit("policies/mail/threshold.yaml", ", price: {input_per_1m: 1, output_per_1m: 2}", "")
    code, errors, _ = found()
    assert code == 2
    assert errors == [
        "policies/mail/threshold.yaml:6: no price for model 'small' of provider 'far': genai-prices was not "
        "asked, as evalgate.yaml has no price_at"
    ]


def test_a_torn_recording_is_an_error_with_its_line(sound, found):
    file = sound.root / "suites/mail/recordings/s0.jsonl"
    file.write_text(file.read_text()[:-20])
    code, errors, _ = found()
    assert code == 2
    assert errors == ["suites/mail/recordings/s0.jsonl:3: the last line is torn: its end was never written"]


def test_recordings_are_read_though_their_suite_is_broken(sound, found):
    sound.edit("suites/mail/suite.yaml", "rooms", "halls")
    sound.write("suites/mail/recordings/bad.jsonl", "nonsense\n")
    code, errors, _ = found()
    assert code == 2
    assert any(line.startswith("suites/mail/recordings/bad.jsonl:1:") for line in errors)


def test_a_recording_that_answers_another_question_is_an_error(sound, found):
    file = sound.root / "suites/mail/recordings/s0.jsonl"
    file.write_text(file.read_text().replace("Can I renew it?", "Can I keep it?"))
    code, errors, _ = found()
    assert code == 2
    assert errors == [
        "suites/mail/recordings/s0.jsonl:2: the digest is not that of the request beside it, so this answers "
        "another question"
    ]


def test_a_function_that_cannot_be_imported_is_an_error(sound, found):
    sound.edit(
        "evalgate.yaml", "providers:", 'providers:\n  here: {kind: function, path: "no_such_code:answer"}'
    )
    code, errors, warnings = found()
    assert code == 2
    assert errors == ["evalgate.yaml:3: 'no_such_code:answer': there is no module 'no_such_code'"]
    assert warnings == ["evalgate.yaml:3: no policy uses the provider 'here'"]


def test_a_router_function_that_breaks_is_an_error(sound, found):
    sound.write("scores.py", "def of(case):\n    raise KeyError('need')\n")
    old = "{kind: column, column: need, threshold: 0.3, strong: strong, weak: weak}"
    new = '{kind: function, path: "scores:of", threshold: 0.3, strong: strong, weak: weak}'
    sound.edit("policies/mail/threshold.yaml", old, new)
    code, errors, _ = found()
    assert code == 2
    assert "raised KeyError" in errors[0]


def test_prompts_and_routers_nobody_names_are_warned_of(sound, found):
    sound.write("policies/mail/prompts/used.txt", "{{input}}")
    sound.write("policies/mail/prompts/left.txt", "{{input}}")
    sound.write("policies/mail/prompts/README.md", "about prompts")
    sound.write("policies/mail/prompts/make.py", "")
    for name in ("production", "threshold"):
        sound.edit(f"policies/mail/{name}.yaml", "  weak:   {", "  weak:   {prompt: prompts/used.txt, ")
    _, errors, warnings = found()
    assert errors == []
    assert [line for line in warnings if "recorded" not in line] == [
        "policies/mail/prompts/left.txt: no policy uses this file"
    ]


def test_a_broken_policy_does_not_make_its_prompts_look_unused(sound, found):
    sound.write("policies/mail/prompts/used.txt", "{{input}}")
    sound.edit("policies/mail/threshold.yaml", "threshold:", "treshold:")
    assert not [line for line in found()[2] if "no policy uses this file" in line]


def test_a_family_that_no_suite_judges_is_warned_of(sound, found):
    sound.write("policies/other/production.yaml", "deployments: {}\n")
    code, _, warnings = found()
    assert code == 0
    assert warnings == ["policies/other: no suite judges the policies in this folder"]


def asking(*texts, **changed):
    return [
        {"id": f"m-{n}", "input": text, "target": "rooms", "vars": {"need": 0.9}} | changed
        for n, text in enumerate(texts, 1)
    ]


def repeated(found):
    return [line for line in found()[2] if "same question" in line]


def test_of_very_many_repeated_questions_the_first_are_named(mail, found):
    mail.cases(*asking(*(f"Is room {n % 23} free?" for n in range(46))))
    said = repeated(found)
    assert len(said) == 20
    assert any("3 more questions are asked by several cases" in line for line in found()[2])


def test_one_question_under_two_names_is_warned_of(mail, found):
    mail.cases(*asking("Is it open?", "Where is it?", " is it OPEN? "))
    assert repeated(found) == ["suites/mail/cases.jsonl:3: 2 cases ask the same question: 'm-1', 'm-3'"]


def test_a_question_may_come_again_in_a_group_a_stream_or_with_other_variables(mail, found):
    mail.cases(*asking("Is it open?", "Is it open?", group="one"))
    assert repeated(found) == []
    first, second = asking("Is it open?", "Is it open?")
    mail.cases(first, second | {"vars": {"need": 0.8}})
    assert repeated(found) == []
    mail.cases(first, second)
    assert repeated(found)
    mail.edit("suites/mail/suite.yaml", "policies:", "ordered: true\npolicies:")
    assert repeated(found) == []


def test_a_budget_too_tight_is_a_warning_at_the_suite(sound, evalgate):
    sound.edit("evalgate.yaml", "60pp", "1pp")
    code, out, _ = evalgate("check")
    assert code == 0
    assert out == (
        "1 warning in 1 suite, 4 cases, 2 policies and 2 recordings files\n"
        "\n"
        "warnings\n"
        "  suites/mail/suite.yaml: budgets: accuracy max_drop 1pp needs 299 independent graded cases even "
        "where nothing changes, and the suite has 4: add 295, or allow 52.8pp or more\n"
    )


def test_annotations_name_files_from_the_root_of_the_repository(sound, evalgate, monkeypatch):
    sound.edit("policies/mail/threshold.yaml", "threshold:", "treshold:")
    monkeypatch.chdir(sound.root / "suites")
    code, out, _ = evalgate("check", "--format", "github")
    assert code == 2
    first = out.splitlines()[0]
    assert first.startswith("::error file=policies/mail/threshold.yaml,line=8,col=")
    assert first.endswith("%0Adid you mean 'threshold'?")


def test_a_failed_call_is_recorded_too(mail, found):
    mail.record("weak", "m-1", "m-2", attempts=(Attempt(0.1, error="bad_request"),))
    mail.record("strong", "m-1", "m-2", "m-3", "m-4")
    assert found() == (0, [], [])
