"""The faults of a suite: a list or a file, on the cases' clock, each problem with its place and cure."""

import json

import pytest

from evalgate.core.faults import Fault

CASES = [{"id": f"t-{at}", "input": "Where?", "target": "shipping", "vars": {"need": 0.2}} for at in range(4)]


def suite(files, traffic):
    files.suite("grader:", f"traffic: {traffic}\ngrader:")
    files.cases(*CASES)


def loaded(files):
    (found,) = files.load().suites
    return found


def test_a_list_becomes_faults_and_the_cases_get_a_clock(files):
    suite(
        files,
        "{faults: [{at: 1, until: 3, deployment: strong, status: 429, latency_s: 0.1, retry_after_s: 2}]}",
    )
    found = loaded(files)
    assert found.faults == (
        Fault(1.0, 3.0, "strong", None, "rate_limit", 429, latency_s=0.1, retry_after_s=2.0),
    )
    assert found.clock == {"t-0": 0.0, "t-1": 1.0, "t-2": 2.0, "t-3": 3.0}
    assert found.traffic is None


def test_without_faults_no_digest_changes(files):
    files.cases(*CASES)
    plain = loaded(files)
    assert plain.faults == ()
    files.suite("grader:", "traffic: {rps: 5}\ngrader:")
    assert loaded(files).digest == plain.digest
    files.suite("rps: 5", "rps: 5, faults: [{at: 1, deployment: weak, status: timeout, latency_s: 3}]")
    assert loaded(files).digest != plain.digest
    files.production("fallbacks: {weak: [strong]}", "fallbacks: {weak: [strong]}, allowed_fails: 3")
    assert loaded(files).clock


@pytest.mark.parametrize("name", ["outages.csv", "outages.jsonl"])
def test_a_log_of_failures_is_read_as_single_attempts(files, name):
    rows = [
        {"at": 1.5, "deployment": "strong", "status": 503, "latency_s": 0.25},
        {"at": 2, "until": 9, "provider": "local", "status": "timeout", "share": 0.5, "billed": True},
    ]
    if name.endswith("csv"):
        text = "at,until,deployment,provider,status,latency_s,share,billed\n"
        text += "1.5,,strong,,503,0.25,,\n2,9,,local,timeout,,0.5,true\n"
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    files.write(f"suites/tickets/{name}", text)
    suite(files, f"{{faults: {name}}}")
    assert loaded(files).faults == (
        Fault(1.5, 1.75, "strong", None, "server_error", 503, latency_s=0.25),
        Fault(2.0, 9.0, None, "local", "timeout", None, billed=True, share=0.5),
    )


def test_timestamps_are_counted_from_the_first_case(files):
    when = 'at: "2026-11-01T10:00:30Z", until: "2026-11-01T10:01:00Z"'
    suite(files, f"{{faults: [{{{when}, deployment: weak, status: 500, latency_s: 1}}]}}")
    files.cases(*({**case, "at": f"2026-11-01T1{at}:00:00Z"} for at, case in enumerate(CASES)))
    found = loaded(files)
    assert (found.faults[0].from_s, found.faults[0].until_s) == (30.0, 60.0)
    assert list(found.clock.values()) == [0.0, 3600.0, 7200.0, 10800.0]


def test_cases_come_as_the_traffic_comes(files):
    faults = "faults: [{at: 1, deployment: weak, status: 500, latency_s: 1}]"
    suite(files, f"{{rps: 2, burstiness: 0, {faults}}}")
    assert list(loaded(files).clock.values()) == [0.0, 0.5, 1.0, 1.5]
    files.suite("burstiness: 0", "burstiness: 2")
    bursty = loaded(files).clock
    assert bursty == loaded(files).clock
    assert list(bursty.values()) == sorted(bursty.values())
    files.write("suites/tickets/trace.csv", "arrival_s\n10\n11\n14\n")
    files.suite("rps: 2, burstiness: 2", "trace: trace.csv")
    # It begins anew, one mean gap after its last arrival.
    assert list(loaded(files).clock.values()) == [0.0, 1.0, 4.0, 6.0]


def test_a_case_keeps_its_time_when_only_some_are_run(files):
    suite(files, "{faults: [{at: 1, deployment: weak, status: 500, latency_s: 1}]}")
    assert loaded(files).clock["t-3"] == 3.0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            "deployment: stong, until: 2, status: 500",
            "no policy has a deployment 'stong'\n    did you mean 'strong'?",
        ),
        (
            "provider: locale, until: 2, status: 500",
            "there is no provider 'locale'\n    did you mean 'local'?",
        ),
        ("deployment: weak, until: 0.5, status: 500", ".until: the fault ends before it begins"),
        ("deployment: weak, until: 2, status: 302", "302 is no fault\n    write an HTTP status from 400"),
        ("deployment: weak, until: 2, status: 99", "99 is no fault"),
        ("until: 2, status: timeout", "one name says what fails\n    write deployment: strong, or provider:"),
        ("deployment: weak, until: soon, status: timeout", "'soon' is not a time"),
        ('deployment: weak, until: "2026-11-01", status: timeout', "and the cases have none"),
        ("deployment: weak, until: 2, status: timeout, stats: 1", "unknown key\n    did you mean 'status'?"),
    ],
)
def test_what_is_wrong_with_a_fault_is_said_with_place_and_cure(files, fault, said):
    suite(files, f"{{faults: [{{at: 1, latency_s: 1, {fault}}}]}}")
    shown = files.said()
    assert said in shown
    assert "suites/tickets/suite.yaml:2:" in shown


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("until: 2, status: 503", "how long an attempt takes that meets 503\n    write latency_s: 0.2"),
        ("status: timeout", "nothing says how long the fault lasts\n    write until:"),
    ],
)
def test_what_is_not_said_is_asked_for(files, fault, said):
    suite(files, f"{{faults: [{{at: 1, deployment: weak, {fault}}}]}}")
    assert said in files.said()


def test_what_is_wrong_in_a_file_is_said_with_its_line(files):
    suite(files, "{faults: outages.csv}")
    assert "outages.csv" in files.said()
    text = "at,until,deployment,status,latency_s\n1,2,strong,503,0.2\n3,4,strong,503,soon\n5,6,stong,503,1\n"
    files.write("suites/tickets/outages.csv", text)
    assert (
        "suites/tickets/outages.csv:3:1: latency_s: expected a number, found the text 'soon'" in files.said()
    )
    files.write("suites/tickets/outages.csv", text.replace("soon", "1"))
    assert "suites/tickets/outages.csv:4: deployment: no policy has a deployment 'stong'" in files.said()
    files.write("suites/tickets/outages.csv", "at,until\n")
    assert "the file holds no faults\n    write one a line" in files.said()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.csv", "at,deployment,status,latency_s\nnan,strong,503,1\n"),
        ("f.jsonl", '{"at": NaN, "deployment": "strong", "status": 503, "latency_s": 1}\n'),
    ],
)
def test_a_time_that_is_no_number_is_refused(files, name, text):
    files.write(f"suites/tickets/{name}", text)
    suite(files, f"{{faults: {name}}}")
    assert "at: nan is not a finite number" in files.said()


def test_a_file_that_is_not_there_is_told_where_it_is_named(files):
    suite(files, "{faults: outages.csv}")
    said = files.said()
    assert "suites/tickets/suite.yaml:" in said
    assert "traffic.faults: there is no 'outages.csv' in suites/tickets/" in said


def test_the_clock_must_run_on(files):
    suite(files, "{faults: [{at: 1, deployment: weak, status: 500, latency_s: 1}]}")
    files.cases(*({**case, "at": 10 - at} for at, case in enumerate(CASES)))
    assert "case 't-1' is at 9.0, before line 1 above it\n    sort the cases by time" in files.said()
    (problem, *_) = files.problems()
    assert problem.line == 2


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            "cooldown_time_s: 30",
            "cooldown_time_s does nothing without allowed_fails\n    write allowed_fails: 3",
        ),
        ("hedge_on: next", "hedge_on does nothing without hedge_after_s\n    write hedge_after_s: 0.8"),
    ],
)
def test_rules_that_do_nothing_are_told(files, rules, said):
    files.production("fallbacks: {weak: [strong]}", rules)
    assert said in files.said()


def test_a_hedge_on_the_next_deployment_needs_one(files):
    files.production("fallbacks: {weak: [strong]}", "hedge_after_s: 1, hedge_on: next")
    assert "a hedge on the next deployment needs fallbacks, and there are none" in files.said()


def test_levers_that_are_off_change_no_digest_and_no_summary(files):
    before = loaded(files).baseline
    assert not any("hedge" in line or "cooldown" in line for line in before.summary)
    files.production("fallbacks: {weak: [strong]}", "fallbacks: {weak: [strong]}, hedge_after_s: 0.8")
    after = loaded(files).baseline
    assert after.digest != before.digest
    assert set(after.summary) - set(before.summary) == {
        "reliability.hedge_after_s: 0.8",
        "reliability.hedge_on: same",
    }
