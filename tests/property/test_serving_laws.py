import asyncio
import json
from collections import OrderedDict
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Response
from evalgate.core.cases import Case
from evalgate.core.clock import case_times
from evalgate.core.digest import canonical_json
from evalgate.core.messages import Message, ToolCall
from evalgate.core.outcome import Answer, Failure
from evalgate.core.policy import Router
from evalgate.core.policy_file import ExactCache, Price, RegexRule, Reliability
from evalgate.core.response_file import ExtractJson, ExtractRegex
from evalgate.core.router_file import ColumnRouter
from evalgate.serving.cache import Entry, PolicyCache
from evalgate.serving.normalize import DATE_MASK, NUMBER_MASK, UUID_MASK, compile_rules
from evalgate.serving.prompts import compile_prompt
from evalgate.serving.requests import request_for
from evalgate.serving.response import compile_response
from evalgate.serving.serve import Asked, Server, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

# Lone surrogates are what JSON can hold and UTF-8 cannot; by chance alone they would be rare.
any_text = st.lists(
    st.one_of(st.text(max_size=9), st.sampled_from(["\ud83d", "\ude00", "\udfff"])), max_size=5
).map("".join)
names = st.sampled_from(["a", "b", "plan", "input"])
template = st.lists(st.one_of(any_text, names.map("{{{{{}}}}}".format)), max_size=5).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)

# Text that looks like what the masks look for.
snippets = st.sampled_from(
    [
        *("2026-01-31", "1/2/2026", "31.1.2026", "Jan 5", "5 May", "T10:30", ":30", " ", "-", ".", ",", "/"),
        *(
            "123e4567-e89b-12d3-a456-426614174000",
            "12",
            "3.5",
            "x",
            "_",
            "²",
            "the ",
            " is",
            "Please, ",
            "!",
            "\u0301",
        ),
        *(
            " 2026",
            "1e5",
            "th",
            " of ",
            "+",
            "\t",
            "\n",
            "é",
            "ſ",
            "ŉ",
            "\u0345",
            "\U00010400",
            "+02:00",
            "Z",
        ),
    ]
)
busy_text = st.one_of(any_text, st.lists(st.one_of(snippets, any_text), max_size=10).map("".join))


# ---- requests and digests

WHOLE = {
    "kind": "chat",
    "provider": "local",
    "model": "m",
    "revision": "r1",
    "quantization": "q4",
    "params": {"temperature": 0, "max_tokens": 8},
    "prompt": (Message("system", "S"), Message("user", "{{input}} {{plan}}")),
}
CASE = Case(id="c", input="q", vars={"plan": "gold"})


def digest(case=CASE, trial=0, alias="weak", **changes):
    return request_for(case, deployment(alias, **{**WHOLE, **changes}), trial).digest


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "function"},
        {"provider": "other"},
        {"model": "m2"},
        {"revision": "r2"},
        {"revision": None},
        {"quantization": "q8"},
        {"quantization": None},
        {"params": {"temperature": 0.1, "max_tokens": 8}},
        {"params": {"temperature": 0}},
        {"params": {"temperature": None, "max_tokens": 8}},
        {"params": {"temperature": 0, "max_tokens": 8, "seed": 1}},
        {"prompt": (Message("system", "S "), WHOLE["prompt"][1])},
        {"prompt": (Message("developer", "S"), WHOLE["prompt"][1])},
        {"prompt": (Message("system", "S", name="n"), WHOLE["prompt"][1])},
        {"prompt": WHOLE["prompt"][1:]},
        {"prompt": WHOLE["prompt"][::-1]},
        {"case": Case(id="c", input="r", vars={"plan": "gold"})},
        {"case": Case(id="c", input="q", vars={"plan": "free"})},
        {"trial": 1},
    ],
    ids=str,
)
def test_changing_anything_that_goes_out_changes_the_digest(change):
    assert digest(**change) != digest()


@given(
    alias=any_text,
    identifier=st.text(min_size=1),
    price=st.none() | st.builds(Price, input_per_1m=st.floats(0, 100)),
    unhashed=st.dictionaries(st.sampled_from(["user", "metadata", "stream", "stream_options"]), json_values),
    bookkeeping=st.fixed_dictionaries(
        {},
        optional={
            "target": any_text,
            "slices": st.dictionaries(any_text, any_text, max_size=2),
            "group": any_text,
            "same_answer": any_text,
            "at": st.floats(0, 9),
            "weight": st.floats(1, 2),
        },
    ),
    unused=json_values,
)
def test_changing_anything_else_does_not(alias, identifier, price, unhashed, bookkeeping, unused):
    case = Case(id=identifier, input="q", vars={"plan": "gold", "unused": unused}, **bookkeeping)
    params = {**unhashed, "max_tokens": 8, "temperature": 0.0}
    assert digest(case, alias=alias, price=price, params=params) == digest()


@given(st.text(min_size=1), st.integers(0, 5), st.floats(0.1, 90), st.booleans())
def test_the_policy_around_a_deployment_does_not_change_what_it_is_asked(name, retries, timeout_s, cached):
    weak = deployment("weak", **WHOLE)
    spec = ExactCache(mode="exact") if cached else None
    rules = Reliability(num_retries=retries, request_timeout_s=timeout_s)
    made = replace(policy(weak, reliability=rules, cache=spec, response=["strip"]), name=name, file=name)
    caller = ScriptedCaller()
    outcome = asyncio.run(serve(Asked(CASE, 0, 0.0), made, caller, PolicyCache(spec) if spec else None))
    assert [request.digest for request in caller.requests] == [digest()]
    assert outcome.steps[0].digest == digest()


@given(any_text, any_text)
def test_different_texts_that_are_sent_have_different_digests(one, other):
    ours, theirs = (request_for(Case(id="c", input=text), deployment("weak"), 0) for text in (one, other))
    assert (ours.digest == theirs.digest) == (ours.messages == theirs.messages)


# ---- prompts


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user"]), template), max_size=3),
    template,
    template,
    template,
)
def test_what_is_put_into_a_prompt_is_never_scanned_again(prompt, question, first, second):
    """Filling in placeholders and replacing all of these afterwards, at once, gives the same messages."""
    messages = tuple(Message(role, content) for role, content in prompt)
    values = {"a": first, "b": second, "plan": "p"}
    marks = {"input": "\ue100", "a": "\ue101", "b": "\ue102", "plan": "\ue103"}
    assume(not any(mark in content for mark in marks.values() for _, content in prompt))
    compiled = compile_prompt(messages)
    marked = compiled.render(Case(id="c", input=marks["input"], vars={name: marks[name] for name in values}))
    filled = compiled.render(Case(id="c", input=question, vars=values))
    swap = str.maketrans({marks[name]: text for name, text in {**values, "input": question}.items()})
    assert [_sent(message.content.translate(swap)) for message in marked] == [m.content for m in filled]


def _sent(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(
    st.lists(
        st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), any_text | st.none()), min_size=1
    )
)
def test_a_conversation_is_sent_whole_and_valid(talk):
    sent = compile_prompt(WHOLE["prompt"]).render(Case(id="c", messages=tuple(talk)))
    assert sent[0] == Message("system", "S")
    assert [m.role for m in sent[1:]] == [m.role for m in talk]
    json.dumps([m.content for m in sent], ensure_ascii=False).encode()


# ---- normalization

IDEMPOTENT = [
    *("nfc", "nfkc", "trim", "collapse_whitespace", "casefold", "strip_punctuation"),
    *("mask_numbers", "mask_dates", "mask_uuids", "drop_stopwords"),
]


@pytest.mark.parametrize("rule", IDEMPOTENT)
@given(text=busy_text)
def test_a_rule_applied_twice_is_applied_once(rule, text):
    normalize = compile_rules([rule])
    once = normalize(text)
    assert normalize(once) == once


@given(busy_text)
def test_masks_only_take_away_what_they_mask(text):
    """What stands between the masks is the text's own, in its order."""
    masks = {NUMBER_MASK, DATE_MASK, UUID_MASK}
    assume(not masks & set(text))
    for rule in ("mask_numbers", "mask_dates", "mask_uuids"):
        masked = compile_rules([rule])(text)
        position = 0
        for piece in "".join("\n\n" if c in masks else c for c in masked).split("\n\n"):
            for line in piece.split("\n"):
                found = _sent(text).find(line, position)
                assert found >= 0
                position = found + len(line)


@given(
    busy_text,
    st.lists(st.sampled_from([*IDEMPOTENT, RegexRule(regex=r"\s", replace="_")]), max_size=6),
)
def test_normalization_is_total_and_composes_in_order(text, rules):
    step_by_step = _sent(text)
    for rule in rules:
        step_by_step = compile_rules([rule])(step_by_step)
    assert compile_rules(rules)(text) == step_by_step
    step_by_step.encode()


# ---- the cache

operations = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 4)), max_size=40)


@given(operations, st.none() | st.integers(1, 6), st.none() | st.integers(1, 3))
def test_the_cache_is_the_plain_model_of_itself(steps, ttl_s, size):
    """Against a list of what was stored when and used when: TTL, size and eviction order."""
    cache = PolicyCache(ExactCache(mode="exact", ttl_s=ttl_s, max_entries=size))
    model: OrderedDict[str, float] = OrderedDict()
    at_s = 0.0
    for key, pause_s in steps:
        at_s += pause_s
        fresh = key in model and (ttl_s is None or at_s - model[key] < ttl_s)
        entry = cache.find(key, at_s)
        assert (entry is not None) == fresh
        if entry is not None:
            assert (entry.source, entry.stored_at_s) == (key, model[key])
            model.move_to_end(key)
            continue
        cache.store(key, Entry(Response(text=key), key, "weak", at_s))
        model.pop(key, None)
        model[key] = at_s
        if size is not None and len(model) > size:
            del model[next(iter(model))]
        assert size is None or len(cache) <= size


attempts = st.lists(
    st.builds(
        Attempt,
        latency_s=st.floats(0, 5),
        error=st.sampled_from([None, "timeout", "rate_limit", "server_error", "bad_request"]),
        retry_after_s=st.none() | st.floats(0, 3),
    ),
    max_size=5,
)
COLUMN = ColumnRouter(
    kind="column", column="need", threshold=0.5, strong="strong", weak="weak", decide_s=0.25
)


@given(
    texts=st.lists(st.sampled_from(["a", "A", " a", "b", "c"]), max_size=12),
    scripts=st.fixed_dictionaries({"model-weak": attempts, "model-strong": attempts}),
    rules=st.builds(
        Reliability,
        num_retries=st.integers(0, 3),
        fallbacks=st.sampled_from([{}, {"weak": ["strong"]}, {"strong": ["weak"]}]),
    ),
    router=st.sampled_from([None, Router(COLUMN)]),
    scope=st.sampled_from([None, "last_message", "conversation", "request"]),
)
@example(["a", "a"], {"model-weak": [Attempt(1.0, "bad_request")]}, Reliability(), None, "request")
def test_cases_in_are_outcomes_out(texts, scripts, rules, router, scope):
    cases = [Case(id=str(i), input=text, vars={"need": i % 2}) for i, text in enumerate(texts)]
    spec = None
    if scope:
        spec = ExactCache(
            mode="exact", normalize=["trim", "casefold"], key=scope, ttl_s=5, max_entries=2, lookup_s=0.5
        )
    made = policy(router=router, reliability=rules, cache=spec, response=["strip"])
    cache = PolicyCache(spec) if spec else None
    server = Server(made)

    async def run(caller):
        times = case_times(cases)
        return [
            await server.serve(Asked(c, 0, at_s), caller, cache) for c, at_s in zip(cases, times, strict=True)
        ]

    outcomes = asyncio.run(run(ScriptedCaller(scripts)))
    assert [outcome.case_id for outcome in outcomes] == [case.id for case in cases]
    answers = {}
    for outcome in outcomes:
        _check_ledger(outcome, router is not None, cache is not None)
        if isinstance(outcome.result, Answer) and outcome.steps:
            answers[outcome.case_id] = outcome
        if outcome.cache and outcome.cache.hit:
            source = answers[outcome.cache.source]
            assert outcome.result == source.result
            assert outcome.deployment == source.deployment
            assert 0 < int(outcome.case_id) - int(source.case_id) < 5


def _check_ledger(outcome, routed, cached):
    hit = outcome.cache is not None and outcome.cache.hit
    waited_s = (0.5 if cached else 0) + (0.25 if routed and not hit else 0)
    waited_s += sum(each.wait_s + each.latency_s for step in outcome.steps for each in step.attempts)
    assert outcome.latency_s == pytest.approx(waited_s)
    assert (outcome.cache is not None) == cached
    assert (outcome.steps == ()) == hit
    assert (outcome.deployment is None) == isinstance(outcome.result, Failure)
    if isinstance(outcome.result, Failure):
        assert outcome.result.kind == outcome.steps[-1].attempts[-1].error
        assert outcome.result.reason.count(";") == len(outcome.steps) - 1
    elif outcome.steps:
        assert outcome.deployment == outcome.steps[-1].deployment
        assert all(step.attempts[-1].error for step in outcome.steps[:-1])


@given(
    st.lists(any_text, min_size=1, max_size=8), st.sampled_from(["last_message", "conversation", "request"])
)
def test_a_hit_without_normalization_answers_as_a_fresh_call_would(texts, scope):
    cases = [Case(id=str(i), input=text) for i, text in enumerate(texts * 2)]
    spec = ExactCache(mode="exact", normalize=[], key=scope)
    made = policy(cache=spec, response=["strip", ExtractRegex(extract_regex="[0-9a-f]{9}")])
    cache = PolicyCache(spec)

    async def run():
        caller = ScriptedCaller()
        served = [await serve(Asked(case, 0, 0.0), made, caller, cache) for case in cases]
        fresh = [await serve(Asked(case, 0, 0.0), made, ScriptedCaller(), None) for case in cases]
        return served, fresh

    served, fresh = asyncio.run(run())
    assert [each.result for each in served] == [each.result for each in fresh]
    assert [each.deployment for each in served] == [each.deployment for each in fresh]
    assert all(each.cache.hit for each in served[len(texts) :])


# ---- response rules

rules = st.lists(
    st.sampled_from(
        [
            "strip",
            "strip_code_fences",
            ExtractRegex(extract_regex=r"(\w+)|x"),
            ExtractRegex(extract_regex=r"\s*"),
            ExtractJson(extract_json="a"),
            ExtractJson(extract_json="a.0[1]"),
            ExtractJson(extract_json=""),
        ]
    ),
    max_size=4,
)
answers = st.one_of(
    any_text,
    st.lists(
        st.sampled_from(
            [
                "```",
                "~~~",
                "\n",
                "json",
                "{",
                "}",
                '{"a":',
                "[",
                "]",
                "1e999",
                "NaN",
                '"',
                "\\ud800",
                ",",
                "\ud800",
            ]
        )
    ).map("".join),
    json_values.map(json.dumps),
    st.dictionaries(st.just("a"), json_values).map(json.dumps).map("so: ```{}```".format),
)


@given(answers, rules)
def test_response_rules_never_fail(text, rules):
    compile_response(rules)(text).encode()


@given(json_values, any_text.filter(lambda text: not set(text) & set("{[")))
def test_extract_json_finds_the_value_wherever_it_stands(value, prose):
    extract = compile_response([ExtractJson(extract_json="a.b[0]")])
    extracted = extract(prose + json.dumps({"a": {"b": [value]}}) + prose)
    if isinstance(value, str):
        assert extracted == _sent(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        assert extracted == str(value)
    else:
        assert extracted == canonical_json(value)


@given(st.builds(ToolCall, any_text, any_text, any_text), any_text)
def test_tool_calls_are_sent_as_valid_text(call, content):
    talk = (Message("assistant", content, tool_calls=(call,)), Message("tool", content, tool_call_id=call.id))
    for message in compile_prompt(()).render(Case(id="c", messages=talk)):
        repr_safe = [
            message.content,
            message.tool_call_id or "",
            *(c.name + c.arguments for c in message.tool_calls),
        ]
        "".join(repr_safe).encode()
