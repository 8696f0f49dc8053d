"""Where ``batch`` means nothing, loading says so."""

import pytest

from evalgate.load.known import as_known

WEAK = 'weak:   {provider: local, model: small, revision: "1"}'
BATCH = "batch: {price_factor: 0.5, completion_window: 24h}"
TICKETS = "policies/tickets/production.yaml"


def write(files, more):
    files.edit(TICKETS, WEAK, f"{WEAK[:-1]}, {more}}}")


def test_a_batch_is_read_with_its_window_in_seconds(files):
    write(files, "batch: {price_factor: 0.5, completion_window: 90min}")
    (suite,) = files.load().suites
    batch = suite.baseline.deployments["weak"].batch
    assert (batch.price_factor, batch.window_s) == (0.5, 5400)
    assert "deployments.weak.batch.completion_window: 1.5h" in suite.baseline.summary


def test_a_batch_is_part_of_what_a_policy_does(files):
    before = files.load().suites[0].baseline
    write(files, BATCH)
    after = files.load().suites[0].baseline
    assert before.digest != after.digest
    calls = [each.deployments["weak"].request(()).digest for each in (before, after)]
    assert calls[0] == calls[1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (f"{BATCH}, params: {{stream: true}}", "a batch API answers all at once"),
        (
            f"{BATCH}, price: {{hosting: {{usd_per_hour: 2, utilisation: 0.5, "
            "throughput: [{concurrency: 8, output_tokens_per_s: 460}]}}",
            "machines of your own have no price for batches",
        ),
        ("batch: {price_factor: 0.5, completion_window: 24}", "24 has no unit"),
        ("batch: {price_factor: 0.5, completion_window: 0h}", "'0h' is out of range\n    write 30min or 24h"),
        (f"batch: {{price_factor: 0.5, completion_window: {'9' * 400}h}}", "is out of range"),
        ("batch: {price_factor: 0, completion_window: 24h}", "write a number above 0"),
        ("batch: {price_factor: 2, completion_window: 24h}", "write a number of at most 1"),
        ("batch: {completion_window: 24h}", "price_factor"),
    ],
)
def test_what_a_batch_cannot_be(files, more, said):
    write(files, more)
    assert said in files.said()


def test_a_cascade_cannot_wait_for_a_window(files):
    text = (files.root / TICKETS).read_text()
    router = next(line for line in text.splitlines() if line.startswith("router:"))
    cascade = (
        "cascade: {order: [weak, strong], confidence: {kind: column, column: sure}, escalate_below: 0.5}"
    )
    files.write(TICKETS, text.replace(router, cascade))
    write(files, BATCH)
    assert "a cascade asks one deployment after another, and each would take a whole window" in files.said()


COLLECT = "microbatch: {window: 20ms, max_size: 8}"


def test_a_microbatch_is_read_and_changes_no_call(files):
    before = files.load().suites[0].baseline
    write(files, COLLECT)
    after = files.load().suites[0].baseline
    assert (after.deployments["weak"].microbatch.window_s, before.digest != after.digest) == (0.02, True)
    calls = [each.deployments["weak"].request(()).digest for each in (before, after)]
    assert calls[0] == calls[1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (f"{COLLECT}, {BATCH}", "a batch API collects requests by itself"),
        (f"{COLLECT}, params: {{stream: true}}", "one call answers several requests, all at once"),
        (
            f"{COLLECT}, service_time: {{step_s: 0.01, per_running_s: 0.001, per_prefill_token_s: 0, "
            "max_running: 8}",
            "an engine that batches requests by itself",
        ),
        ("microbatch: {window: 20, max_size: 8}", "20 has no unit"),
        ("microbatch: {window: 20ms, max_size: 0}", "write a number of at least 1"),
    ],
)
def test_what_a_microbatch_cannot_be(files, more, said):
    write(files, more)
    assert said in files.said()


def test_what_a_commit_knows_of_a_discount_counts_and_the_window_is_the_proposals(files):
    write(files, BATCH)
    old = files.load().suites[0].baseline
    files.edit(TICKETS, BATCH, "batch: {price_factor: 0.01, completion_window: 12h}")
    claimed = files.load().suites[0].baseline
    batch = as_known(claimed, old).deployments["weak"].batch
    assert (batch.price_factor, batch.window_s) == (0.5, 12 * 3600)
