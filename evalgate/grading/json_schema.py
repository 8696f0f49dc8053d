"""The ``json_schema`` grader: the JSON in the answer is valid under a schema."""

from typing import Any

from evalgate.core.digest import valid_text
from evalgate.core.errors import BadInput, GraderCrash, Problem
from evalgate.core.outcome import Grade
from evalgate.core.suite_file import JsonSchemaGrader
from evalgate.grading.excerpt import excerpt
from evalgate.grading.json_answer import NO_JSON, found_json
from evalgate.grading.json_paths import show_path
from evalgate.grading.memo import MadeOf

_LONGEST = 200


def grade_json_schema(text: str, grader: JsonSchemaGrader, correct_at: float) -> Grade:
    """Grade 1 when the JSON found in ``text`` is valid, else 0 with the first thing that is not.

    Raises:
        BadInput: the schema is not one.
        GraderCrash: the schema's file was not loaded.

    """
    validator = _VALIDATORS(grader)
    answer = found_json(text)
    if answer is NO_JSON:
        return Grade(0.0, correct_at <= 0, f"holds no JSON: {excerpt(text)}", readable=False)
    # Half a surrogate pair may stand in JSON as an escape, and no validator of text takes it.
    error = next(iter(validator.iter_errors(_valid(answer))), None)
    if error is None:
        return Grade(1.0, correct_at <= 1, "valid under the schema", readable=True)
    place = show_path(tuple(str(step) for step in error.instance_path))
    return Grade(0.0, correct_at <= 0, f"{place}: {_short(error.message)}", readable=False)


def _compiled(grader: JsonSchemaGrader) -> Any:
    # 40 ms to import, which only suites with this grader pay.
    import jsonschema_rs  # noqa: PLC0415

    if isinstance(grader.json_schema, str):
        raise GraderCrash(f"the schema {grader.json_schema} was not loaded, so no answer was judged")
    try:
        # Patterns in linear time, as everywhere; nothing is fetched.
        linear = jsonschema_rs.RegexOptions()
        return jsonschema_rs.validator_for(grader.json_schema, pattern_options=linear, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        first = str(error).partition("\n")[0]
        problem = Problem(f"not a JSON Schema: {_short(first)}", "mend the schema", key="grader.schema")
        raise BadInput([problem]) from None


_VALIDATORS = MadeOf(_compiled)


def _valid(value: Any) -> Any:
    match value:
        case str():
            return valid_text(value)
        case list():
            return [_valid(each) for each in value]
        case dict():
            return {valid_text(key): _valid(each) for key, each in value.items()}
        case _:
            return value


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
