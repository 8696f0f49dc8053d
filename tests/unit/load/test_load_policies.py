"""Policies: what they resolve to, what their digest covers, and everything that may be wrong with one."""

import json
from dataclasses import replace

import pytest

from evalgate.core.messages import Message
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.load.known import as_known
from evalgate.load.policy_files.revisions import names_a_version

PRODUCTION = "policies/tickets/production.yaml"
CLASSIFIER = {
    "format": "evalgate/text-classifier@1",
    "ngrams": [1, 2],
    "sublinear_tf": True,
    "intercept": -0.5,
    "terms": {"refund": [1.5, 2.0], "where is": [2.0, -1.0]},
    "provenance": {"trained_on": "training.jsonl"},
}
COLUMN = "{kind: column, column: need, threshold: 0.5,"


def baseline(files):
    return files.load().suites[0].baseline


def test_a_policy_is_resolved(files):
    policy = baseline(files)
    assert (policy.name, policy.family, policy.file) == ("production", "tickets", PRODUCTION)
    weak = policy.deployments["weak"]
    assert weak.identity == ("local", "small", "1", None)
    assert (weak.kind, weak.params) == ("chat", {"temperature": 0})
    assert weak.prompt == (Message("user", "Which team? {{input}}"),)
    assert policy.router.spec.threshold == 0.5
    assert policy.use is None


def test_a_deployments_own_prompt_and_params_go_over_the_policys(files):
    files.production(
        'revision: "1"}\n  strong',
        'revision: "1", prompt: [{role: user, content: "{{input}}!"}], params: {top_p: 1}}\n  strong',
    )
    deployments = baseline(files).deployments
    assert deployments["weak"].prompt == (Message("user", "{{input}}!"),)
    assert deployments["weak"].params == {"temperature": 0, "top_p": 1}
    assert deployments["strong"].prompt == (Message("user", "Which team? {{input}}"),)


@pytest.mark.parametrize(
    ("name", "content", "messages"),
    [
        ("ask.txt", "Which team?\r\n{{input}}\n", (Message("user", "Which team?\n{{input}}"),)),
        ("ask.json", '[{"role": "system", "content": "Sort."}]', (Message("system", "Sort."),)),
        ("parts/ask.yaml", "- {role: system, content: Sort.}\n", (Message("system", "Sort."),)),
    ],
)
def test_a_prompt_may_be_a_file(files, name, content, messages):
    files.write(f"policies/tickets/{name}", content)
    files.production('prompt:\n  - {role: user, content: "Which team? {{input}}"}\n', f"prompt: {name}\n")
    assert baseline(files).deployments["weak"].prompt == messages


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'prompt:\n  - {role: user, content: "Which team? {{input}}"}',
            "prompt: Which team?",
            (
                f"{PRODUCTION}:2:9: prompt: there is no 'Which team?' in policies/tickets/\n"
                '    prompt names a file; write the text itself as [{role: user, content: "…"}]'
            ),
        ),
        (
            'prompt:\n  - {role: user, content: "Which team? {{input}}"}',
            "prompt: ../../../keys.txt",
            f"{PRODUCTION}:2:9: prompt: '../../../keys.txt' is outside the project",
        ),
        (
            "{{input}}",
            "{{input|upper}}",
            (
                f"{PRODUCTION}:3:3: prompt: {{{{input|upper}}}} is not a variable\n"
                f"    only {{{{input}}}} and names"
            ),
        ),
        (
            "provider: local, model: small",
            "provider: locl, model: small",
            (
                f"{PRODUCTION}:6:22: deployments.weak.provider: evalgate.yaml has no provider 'locl'\n"
                "    did you mean 'local'?"
            ),
        ),
        (
            "strong: strong",
            "strong: stong",
            f"{PRODUCTION}:8:62: router.strong: there is no deployment 'stong'\n    did you mean 'strong'?",
        ),
        (
            "{weak: [strong]}",
            "{weak: [strnog]}",
            (
                f"{PRODUCTION}:9:34: reliability.fallbacks.weak[0]: there is no deployment 'strnog'\n"
                "    did you mean 'strong'?"
            ),
        ),
        (
            "{weak: [strong]}",
            "{waek: [strong]}",
            (
                f"{PRODUCTION}:9:27: reliability.fallbacks.waek: there is no deployment 'waek'\n"
                "    did you mean 'weak'?"
            ),
        ),
        (
            "{weak: [strong]}",
            "{weak: []}",
            (
                "reliability.fallbacks.weak: 'weak' falls back to nothing\n"
                "    name a deployment, or remove the line"
            ),
        ),
        (
            "{weak: [strong]}",
            "{weak: [weak]}",
            (
                "'weak' falls back to itself\n"
                "    to try the same deployment again, raise reliability.num_retries"
            ),
        ),
        ("{weak: [strong]}", "{weak: [strong, strong]}", "'strong' is listed twice"),
        (
            "{weak: [strong]}",
            "{weak: [strong], strong: [weak]}",
            (
                f"{PRODUCTION}:9:27: reliability.fallbacks.weak: fallbacks go round in a circle: "
                "weak → strong → weak\n"
                "    remove 'strong' from the fallbacks of 'weak', or end the circle elsewhere"
            ),
        ),
        (
            "threshold: 0.5",
            "threshold: 1.01",
            (
                f"{PRODUCTION}:8:49: router.threshold: 1.01 is outside the router's scores, 0 to 1\n"
                "    write a number from 0 to 1; to send everything to one deployment "
                "write use: weak instead of router"
            ),
        ),
        (
            "threshold: 0.5",
            "threshold: 0.5, range: [1, 1]",
            "router.range: the lowest score 1 is not below the highest 1",
        ),
        ("router:", "use: strong\nrouter:", f"{PRODUCTION}:8:1: use: the policy has both router and use"),
        (
            f"router: {COLUMN} strong: strong, weak: weak}}\n",
            "",
            (
                f"{PRODUCTION}:5:1: deployments: nothing says which of 2 deployments is asked\n"
                "    add use: with one of weak, strong; or a router or a cascade"
            ),
        ),
        (
            "reliability:",
            "cache: {mode: exact, normalize: [{regex: '(?<=a)b'}]}\nreliability:",
            "cache.normalize[0].regex: '(?<=a)b' is not an RE2 pattern",
        ),
        (
            "reliability:",
            "cache: {mode: exact, normalize: [{regex: '(a)', replace: '\\2'}]}\nreliability:",
            "cache.normalize[0].replace: \\2 names a group that '(a)' does not have",
        ),
        (
            "reliability:",
            "response: {normalize: [{extract_regex: '['}]}\nreliability:",
            "response.normalize[0].extract_regex: '[' is not an RE2 pattern: missing ]",
        ),
        (
            'model: small, revision: "1"',
            "model: small",
            (
                f"{PRODUCTION}:6:11: deployments.weak.revision: the model name 'small' does not say which "
                "version answers"
            ),
        ),
        (
            'revision: "1"}\n  strong',
            "revision: {files: [weights.json]}}\n  strong",
            "deployments.weak.revision: there is no 'weights.json' in policies/tickets/",
        ),
        (
            'revision: "1"}\n  strong',
            "revision: {files: []}}\n  strong",
            "deployments.weak.revision: neither files nor tree is named",
        ),
        (
            f"{COLUMN}",
            "{kind: classifier, model: router.json, threshold: 0.5,",
            f"{PRODUCTION}:8:35: router.model: there is no 'router.json'",
        ),
        (
            f"{COLUMN}",
            "{kind: function, path: no_such_module_x:score, threshold: 0.5,",
            "router.path: 'no_such_module_x:score': there is no module 'no_such_module_x'",
        ),
    ],
)
def test_what_can_be_wrong_with_a_policy(files, old, new, said):
    files.production(old, new)
    (files.root / "policies/tickets/threshold.yaml").unlink()
    assert said in files.said()


def test_the_ends_of_the_score_range_are_thresholds(files):
    for threshold in ("0", "1"):
        files.write(
            "policies/tickets/threshold.yaml", (files.root / PRODUCTION).read_text().replace("0.5", threshold)
        )
        assert files.load().suites[0].proposals[0].router.spec.threshold == float(threshold)


def test_json_braces_in_a_prompt_are_no_variable(files):
    files.production('"Which team? {{input}}"', '\'{{"team": "…"}} {{}} {{ input }}\'')
    assert baseline(files).deployments["weak"].prompt[0].content == '{{"team": "…"}} {{}} {{ input }}'


def test_a_single_deployment_needs_no_router(files):
    files.write(PRODUCTION, "deployments:\n  only: {provider: local, model: m-2026-01-31}\n")
    policy = baseline(files)
    assert (policy.use, policy.router) == ("only", None)
    assert policy.deployments["only"].prompt == ()
    assert policy.deployments["only"].revision is None


@pytest.mark.parametrize("model", ["gpt-4o-2024-08-06", "claude-20250219", "m@20260101", "org/m-2026-01-31"])
def test_a_full_date_names_a_version(model):
    assert names_a_version(model)


@pytest.mark.parametrize(
    "model",
    ["gpt-4", "gpt-4-0613", "llama-2048", "m-v2", "m-2026-13-01", "m-20261301", "20260101b", "m-2026-0101"],
)
def test_anything_less_does_not(model):
    assert not names_a_version(model)


def test_a_revision_from_files_changes_with_them_and_not_with_their_place(files):
    files.write("policies/tickets/weights.json", "1")
    files.production('model: small, revision: "1"', "model: small, revision: {files: [weights.json]}")
    before = baseline(files).deployments["weak"].revision
    assert before.startswith("sha256:")
    moved = (files.root / PRODUCTION).read_text().replace("weights.json", "../weights.json")
    files.write("policies/tickets/rejected/moved.yaml", moved)
    (policy,) = files.load(policies=("moved",)).suites[0].proposals
    assert policy.deployments["weak"].revision == before
    files.write("policies/tickets/weights.json", "2")
    assert baseline(files).deployments["weak"].revision != before


def test_a_revision_from_a_tree_sees_every_file_but_litter(files):
    files.write("app/main.py", "1")
    files.write("app/lib/x.py", "2")
    files.production('model: small, revision: "1"', "model: small, revision: {tree: [../../app]}")
    before = baseline(files).deployments["weak"].revision
    for litter in ("app/.cache/x", "app/.env", "app/__pycache__/main.pyc", "app/lib/x.pyc"):
        files.write(litter, "litter")
    assert baseline(files).deployments["weak"].revision == before
    files.write("app/lib/x.py", "3")
    changed = baseline(files).deployments["weak"].revision
    files.write("app/lib/x.py", "2")
    files.write("app/lib/y.py", "")
    assert len({before, changed, baseline(files).deployments["weak"].revision}) == 3


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("{tree: [production.yaml]}", "'production.yaml' is a file, and tree names folders"),
        ("{tree: [../../empty]}", "'../../empty' holds no files"),
        ("{}", "neither files nor tree is named"),
    ],
)
def test_a_revision_that_hashes_nothing(files, named, said):
    (files.root / "empty").mkdir()
    files.production('model: small, revision: "1"', f"model: small, revision: {named}")
    assert said in files.said()


def test_a_classifier_is_read(files):
    files.write("policies/tickets/router.json", json.dumps(CLASSIFIER))
    files.production(COLUMN, "{kind: classifier, model: router.json, threshold: 0.5,")
    model = baseline(files).router.classifier
    assert model.weights == {"refund": (1.5, 2.0), "where is": (2.0, -1.0)}
    assert (model.word_ngrams, model.sublinear_tf, model.intercept) == ((1, 2), True, -0.5)
    assert model.provenance == {"trained_on": "training.jsonl"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"format": "evalgate/text-classifier@2"},
            (
                "router.json:1:12: format: unknown value 'evalgate/text-classifier@2'\n"
                "    write evalgate/text-classifier@1"
            ),
        ),
        ({"terms": {"refund": [1.5]}}, "terms.refund: too few items: one more is needed"),
        ({"terms": {"refund": [1.5, "x"]}}, "terms.refund[1]: expected a number, found the text 'x'"),
        ({"ngrams": [2, 1]}, "router.json: ngrams: the shortest n-gram (2) is longer than the longest (1)"),
        ({"intercep": 1}, "intercep: unknown key\n    did you mean 'intercept'?"),
    ],
)
def test_a_classifier_that_is_none(files, change, said):
    files.write("policies/tickets/router.json", json.dumps(CLASSIFIER | change))
    files.production(COLUMN, "{kind: classifier, model: router.json, threshold: 0.5,")
    assert said in files.said()


def test_the_digest_covers_what_serves_and_not_how_it_is_written(files):
    policy = baseline(files)
    same = (files.root / PRODUCTION).read_text()
    same = (
        same.replace("What serves today", "Other words").replace("weak", "small-one").replace("0.5", "0.50")
    )
    same = same.replace("reliability: {", "reliability: {num_retries: 0, ")
    same = same.replace(
        "deployments:\n", 'deployments:\n  unused: {provider: local, model: x, revision: "1"}\n'
    )
    same = same.replace(", small-one: small-one}", ", weak: small-one}")
    files.write("policies/tickets/threshold.yaml", same)
    (proposal,) = files.load().suites[0].proposals
    assert proposal.digest == policy.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("threshold: 0.5", "threshold: 0.6"),
        ("temperature: 0", "temperature: 1"),
        ("Which team?", "What team?"),
        ('model: small, revision: "1"', 'model: small, revision: "2"'),
        ('model: small, revision: "1"', 'model: small, revision: "1", price: {input_per_1m: 1}'),
        ('model: small, revision: "1"', 'model: small, revision: "1", quantization: q4'),
        ('model: small, revision: "1"', 'model: small, revision: "1", num_retries: 1'),
        ('model: small, revision: "1"', 'model: small, revision: "1", request_timeout_s: 9'),
        ("{fallbacks: {weak: [strong]}}", "{}"),
        ("{fallbacks: {weak: [strong]}}", "{num_retries: 1, fallbacks: {weak: [strong]}}"),
        ("reliability:", "cache: {mode: exact}\nreliability:"),
        ("reliability:", "response: {normalize: [strip]}\nreliability:"),
        ("weak: weak}", "weak: weak, decide_s: 0.1}"),
        ("strong: strong, weak: weak", "strong: weak, weak: strong"),
    ],
)
def test_whatever_changes_answer_cost_or_time_changes_the_digest(files, old, new):
    before = baseline(files)
    files.production(old, new)
    after = baseline(files)
    assert after.digest != before.digest
    assert after.summary != before.summary


def test_a_retrained_classifier_changes_the_digest_and_a_new_provenance_does_not(files):
    files.production(COLUMN, "{kind: classifier, model: router.json, threshold: 0.5,")
    digests = []
    for change in ({}, {"provenance": {"date": "today"}}, {"intercept": 1.0}):
        files.write("policies/tickets/router.json", json.dumps(CLASSIFIER | change))
        digests.append(baseline(files).digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_summary_holds_one_fact_a_line(files):
    assert baseline(files).summary == (
        "deployments.strong.model: large",
        "deployments.strong.params.temperature: 0",
        "deployments.strong.provider: local",
        "deployments.strong.revision: 1",
        "deployments.weak.model: small",
        "deployments.weak.params.temperature: 0",
        "deployments.weak.provider: local",
        "deployments.weak.revision: 1",
        "prompt[0].user: Which team? {{input}}",
        "reliability.backoff_jitter: full",
        "reliability.backoff_s: 0.5",
        "reliability.fallbacks.weak: [strong]",
        "reliability.max_backoff_s: 8",
        "reliability.max_retry_after_s: 120",
        "reliability.num_retries: 0",
        "router.column: need",
        "router.decide_s: 0",
        "router.kind: column",
        "router.range: [0, 1]",
        "router.strong: strong",
        "router.threshold: 0.5",
        "router.weak: weak",
    )


def test_deployments_that_share_an_identity_may_differ_in_prompt_and_params(files):
    files.write(
        "policies/tickets/threshold.yaml",
        (files.root / PRODUCTION)
        .read_text()
        .replace("Which", "What")
        .replace("temperature: 0", "temperature: 1"),
    )
    assert len(files.load().suites[0].proposals) == 1


def test_deployments_that_share_an_identity_may_not_differ_in_what_recordings_do_not_see(files):
    files.write(
        "policies/tickets/threshold.yaml",
        (files.root / PRODUCTION).read_text().replace("temperature: 0", "temperature: 0, user: somebody"),
    )
    assert (
        "policies/tickets/threshold.yaml:6:3: deployments.weak: 'weak' has the same provider, model, "
        "revision and quantization as 'weak' in policies/tickets/production.yaml, but another params.user, "
        "which recordings do not see\n"
        "    give both the same params.user, or another revision if it changes what answers"
    ) in files.said()


def test_one_policy_may_not_price_one_deployment_twice(files):
    files.production('model: large, revision: "1"', 'model: small, revision: "1", price: {input_per_1m: 2}')
    assert (
        f"{PRODUCTION}:7:3: deployments.strong: 'strong' has the same provider, model, revision and "
        "quantization as 'weak', but another price\n    declare one price for both"
    ) in files.said()


def test_a_proposal_may_declare_another_price(files):
    priced = (
        (files.root / PRODUCTION)
        .read_text()
        .replace('model: small, revision: "1"', 'model: small, revision: "1", price: {input_per_1m: 2}')
    )
    files.write("policies/tickets/threshold.yaml", priced)
    assert files.load().suites[0].proposals[0].deployments["weak"].price.input_per_1m == 2


def test_params_that_would_steer_litellm_are_refused_where_they_stand(files):
    files.edit("evalgate.yaml", "kind: openai, origin:", "kind: litellm, origin:")
    files.production("params: {temperature: 0}", "params: {temperature: 0, api_base: x}")
    assert "params.api_base: 'api_base' would steer litellm and never reach the model" in files.said()


SEMANTIC = """\
  embed: {provider: local, model: vectors, revision: "1"}
  check: {provider: local, model: judge, revision: "1"}
cache: {mode: exact_then_semantic, embedder: embed, verifier: check, similarity_threshold: 0.9}
router:"""


def test_a_semantic_cache_asks_deployments_of_its_own(files):
    files.production("router:", SEMANTIC)
    policy = baseline(files)
    embed, check = policy.deployments["embed"], policy.deployments["check"]
    assert (embed.kind, embed.prompt, embed.params) == ("embed", (), {})
    assert (check.kind, check.prompt, check.params) == ("chat", (), {})
    assert set(policy.answering) == {"weak", "strong"}


def test_what_a_semantic_cache_asks_is_part_of_the_digest(files):
    files.production("router:", SEMANTIC)
    before = baseline(files).digest
    files.production("model: vectors", "model: better-vectors")
    assert baseline(files).digest != before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("embedder: embed", "embedder: embet", "there is no deployment 'embet'"),
        ("weak: weak}", "weak: check}", "'check' is asked by the cache and cannot answer users too"),
        ("similarity_threshold: 0.9", "similarity_threshold: 90", "similarity_threshold"),
        ("verifier: check,", "verifier: check, vary_by: [tenant],", "varies by 'tenant'"),
        ("embedder: embed", "embedder: 'no.such:embed'", "there is no module 'no'"),
    ],
)
def test_what_may_be_wrong_with_a_semantic_cache(files, old, new, told):
    files.production("router:", SEMANTIC)
    files.production(old, new)
    assert told in files.said()


def test_a_semantic_cache_with_one_answering_deployment_needs_no_use(files):
    files.production('  strong: {provider: local, model: large, revision: "1"}\n', "")
    files.production("router: {kind: column, column: need, threshold: 0.5, strong: strong, weak: weak}\n", "")
    files.production("reliability: {fallbacks: {weak: [strong]}}\n", "")
    text = SEMANTIC.removesuffix("router:")
    path = files.root / PRODUCTION
    path.write_text(path.read_text() + text)
    assert baseline(files).use == "weak"


def with_cache(files, written):
    files.production('revision: "1"}\n  strong', f'revision: "1", prompt_cache: {written}}}\n  strong')
    return baseline(files)


def test_a_prompt_cache_changes_the_digest_and_no_request(files):
    before = baseline(files)
    after = with_cache(files, "{ttl_s: 60}")
    assert after.digest != before.digest
    assert "deployments.weak.prompt_cache.ttl_s: 60" in after.summary
    asked = [policy.deployments["weak"].request((Message("user", "hi"),)) for policy in (before, after)]
    assert asked[0].digest == asked[1].digest


def test_what_a_provider_keeps_is_what_the_commit_knows_and_for_how_long_is_the_proposals(files):
    old = with_cache(files, "{min_tokens: 2048, ttl_s: 60}")
    weak = old.deployments["weak"]
    claimed = PromptCacheFile(block_tokens=1, min_tokens=0, ttl_s=3600, up_to="system")
    proposal = replace(old, deployments={"weak": replace(weak, prompt_cache=claimed)})
    kept = as_known(proposal, old).deployments["weak"].prompt_cache
    assert kept == PromptCacheFile(block_tokens=128, min_tokens=2048, ttl_s=3600, up_to="system")
    bare = replace(old, deployments={"weak": replace(weak, prompt_cache=None)})
    assert as_known(bare, old) == bare
