import pytest

from evalgate.core.cases import Case, question_text
from evalgate.core.errors import BadInput
from evalgate.core.messages import Message, ToolCall
from evalgate.serving.check import find_problems
from evalgate.serving.prompts import compile_prompt
from tests.unit.serving.serving_fakes import deployment, policy

TALK = (Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Where is it?"))


def render(prompt, **case):
    return compile_prompt(tuple(prompt)).render(Case(id="c", **case))


def test_input_and_vars_are_substituted():
    prompt = [Message("system", "For {{ plan }}."), Message("user", "Q: {{input}}!")]
    assert render(prompt, input="why", vars={"plan": "gold"}) == (
        Message("system", "For gold."),
        Message("user", "Q: why!"),
    )


def test_a_var_that_is_not_text_is_canonical_json():
    prompt = [Message("user", "{{input}} {{a}} {{b}} {{c}}")]
    rendered = render(prompt, input="x", vars={"a": {"b": 1.0, "a": [True, None]}, "b": None, "c": 3})
    assert rendered[0].content == 'x {"a":[true,null],"b":1} null 3'


def test_substituted_text_is_not_scanned_again():
    prompt = [Message("user", "{{input}} {{a}}")]
    rendered = render(prompt, input="{{a}}", vars={"a": "{{input}}"})
    assert rendered[0].content == "{{a}} {{input}}"


def test_a_variable_called_input_does_not_shadow_the_question():
    assert render([Message("user", "{{input}}")], input="q", vars={"input": "v"})[0].content == "q"


@pytest.mark.parametrize(
    "text", ['{{"a": 1}}', "{{ }}", "{{1}}", "{{a b}}", "{ {input} }", "{{a|upper}}", "{input}"]
)
def test_braces_around_anything_but_a_name_are_text(text):
    assert render([Message("system", text), Message("user", "{{input}}")], input="q")[0].content == text


def test_an_empty_prompt_is_one_user_message():
    assert render([], input="q") == (Message("user", "q"),)


def test_a_prompt_that_never_mentions_the_input_is_followed_by_it():
    assert render([Message("system", "Be brief.")], input="q") == (
        Message("system", "Be brief."),
        Message("user", "q"),
    )
    mentioned = [Message("system", "Answer {{input}}.")]
    assert render(mentioned, input="q") == (Message("system", "Answer q."),)


def test_a_conversation_replaces_the_message_that_mentions_the_input():
    prompt = [
        Message("user", "example"),
        Message("assistant", "label"),
        Message("user", "Ticket: {{input}}"),
        Message("user", "Only the label."),
        Message("system", "For {{plan}}."),
    ]
    assert render(prompt, messages=TALK, vars={"plan": "gold"}) == (
        Message("system", "For gold."),
        Message("user", "example"),
        Message("assistant", "label"),
        *TALK,
        Message("user", "Only the label."),
    )


def test_a_conversation_nobody_mentions_is_appended():
    assert render([Message("system", "S")], messages=TALK) == (Message("system", "S"), *TALK)
    assert render([], messages=TALK) == TALK
    about = [Message("developer", "They ask: {{input}}")]
    assert render(about, messages=TALK) == (Message("developer", "They ask: Where is it?"), *TALK)


def test_tool_calls_of_prompt_and_conversation_are_kept():
    example = Message("assistant", None, tool_calls=(ToolCall("find", '{"q":"{{input}}"}', "1"),))
    result = Message("tool", "none for {{input}}", tool_call_id="1")
    prompt = [example, result, Message("user", "{{input}}")]
    filled = render(prompt, input="q")
    assert filled[0] == example
    assert filled[1] == Message("tool", "none for q", tool_call_id="1")
    talk = (Message("user", "x"), example, Message("tool", "\ud800", name="\ud800", tool_call_id="1"))
    sent = render([], messages=talk)
    assert sent[1] == example
    assert sent[2] == Message("tool", "\ufffd", name="\ufffd", tool_call_id="1")


def test_lone_surrogates_are_replaced_in_what_is_sent():
    prompt = [Message("system", "\ud800 {{a}}"), Message("user", "{{input}}")]
    assert [m.content for m in render(prompt, input="\udfff", vars={"a": "\ud801"})] == [
        "\ufffd \ufffd",
        "\ufffd",
    ]
    assert render([], messages=(Message("user", "a\ud800"),)) == (Message("user", "a\ufffd"),)


def test_a_missing_variable_is_bad_input_naming_case_and_variable():
    with pytest.raises(BadInput, match=r"\{\{plan\}\}, and case 'c' has no such variable") as raised:
        render([Message("user", "{{input}} {{plan}}")], input="x", vars={"tier": 1})
    assert "it has: tier" in str(raised.value)


def test_a_variable_without_json_form_is_bad_input():
    with pytest.raises(BadInput, match=r"vars.a: case 'c': nan has no JSON form"):
        render([Message("user", "{{a}}")], input="x", vars={"a": float("nan")})


def test_the_question_is_the_input_or_the_last_user_turn():
    assert question_text(Case(id="c", input="q")) == "q"
    assert question_text(Case(id="c", messages=(*TALK, Message("assistant", "There.")))) == "Where is it?"
    assert question_text(Case(id="c", messages=(Message("assistant", "Hello"),))) == ""


def test_all_missing_variables_of_all_cases_are_found_at_once():
    prompt = (Message("user", "{{input}} {{a}} {{b}}"),)
    cases = [
        Case(id="1", input="x"),
        Case(id="2", input="x", vars={"a": 1, "b": 2}),
        Case(id="3", input="x", vars={"a": 1}),
    ]
    problems = find_problems(policy(deployment("weak", prompt=prompt)), cases)
    assert [problem.key for problem in problems] == ["vars.a", "vars.b", "vars.b"]
    assert "'3'" in problems[2].message
