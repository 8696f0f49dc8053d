"""What logged calls have in common is the policy that made them: its system prompt, its params."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.calls import Call, RequestKind
from evalgate.core.digest import DigestFrame, canonical_json
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import Message, message_json
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import DeploymentFile
from evalgate.load.log_lines import LoggedCall
from evalgate.load.logs import Log
from evalgate.serving.prompts import compile_prompt, is_system

# JSON leaves them as they are, YAML does not take them so.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Shared:
    """What every call was sent with: the messages before the question, and the params."""

    system: tuple[Message, ...]
    params: Mapping[str, object]


def shared_by(log: Log, *, system_in_case: bool, drop_params: bool) -> Shared:
    """Return what belongs to the policy rather than to a case.

    Raises:
        BadInput: the calls were sent with different system prompts or params.

    """
    problems: list[Problem] = []
    system: tuple[Message, ...] = ()
    params: Mapping[str, object] = {}
    if not system_in_case:
        cure = "import each apart with --where, or leave the prompts in the cases with --system case"
        variants = _variants(log.calls, lambda call: [message_json(each) for each in system_of(call)])
        problems += _differing(log, variants, "system prompts", cure)
        system = system_of(log.calls[0])
        slots = [name for template in compile_prompt(system).templates for name in template.names]
        if slots and not problems:
            message = f"the system prompt holds {{{{{slots[0]}}}}}, which a policy's prompt would fill in"
            problems.append(Problem(message, "leave the prompt in the cases: --system case", log.shown))
    if not drop_params:
        cure = "import each apart with --where, or leave the params out with --params drop"
        problems += _differing(log, _variants(log.calls, lambda call: call.params), "params", cure)
        params = log.calls[0].params
    if problems:
        raise BadInput(problems)
    return Shared(system, params)


def system_of(call: LoggedCall) -> tuple[Message, ...]:
    """Return the system messages that a call begins with."""
    count = next((n for n, each in enumerate(call.messages) if not is_system(each)), len(call.messages))
    return call.messages[:count]


def deployment_of(
    written: DeploymentFile, kind: RequestKind, revision: str | None, shared: Shared
) -> Deployment:
    """Return the deployment whose requests are the logged ones."""
    identity = {
        "provider": written.provider,
        "model": written.model,
        "revision": revision,
        "quantization": written.quantization,
    }
    return Deployment(
        alias="main",
        kind=kind,
        provider=written.provider,
        model=written.model,
        revision=revision,
        quantization=written.quantization,
        prompt=shared.system,
        params=shared.params,
        price=None,
        frame=DigestFrame(kind, identity, shared.params),
    )


def policy_text(deployment: Deployment, calls: Sequence[Call]) -> str:
    """Return the policy file that replays the calls of ``deployment``.

    A logged timeout replays only under a policy that gives up as early; where one timeout explains all calls,
    the policy has it. Where every answer's first token was logged apart, the policy streams.
    """
    lines = []
    if deployment.prompt:
        lines.append("prompt:")
        lines += [f"  - {_flow(_plain(message))}" for message in deployment.prompt]
    params = _with_stream(deployment.params, calls)
    if params:
        lines.append(f"params: {_flow(params)}")
    identity = {
        "provider": deployment.provider,
        "model": deployment.model,
        "revision": deployment.revision,
        "quantization": deployment.quantization,
    }
    said = {key: value for key, value in identity.items() if value is not None}
    lines += ["deployments:", f"  main: {_flow(said)}"]
    timeout_s = _timeout_s(calls)
    if timeout_s is not None:
        lines.append(f"reliability: {_flow({'request_timeout_s': timeout_s})}")
    return "\n".join(lines) + "\n"


def _with_stream(params: Mapping[str, object], calls: Sequence[Call]) -> Mapping[str, object]:
    answered = [call.attempts[-1] for call in calls if call.response is not None]
    if "stream" in params or not answered or any(last.ttft_s is None for last in answered):
        return params
    return {**params, "stream": True}


def _timeout_s(calls: Sequence[Call]) -> float | None:
    timeouts = [call.latency_s for call in calls if call.attempts[-1].error == "timeout"]
    others = [call.latency_s for call in calls if call.attempts[-1].error != "timeout"]
    return min(timeouts) if timeouts and max(others, default=0.0) <= min(timeouts) else None


def _variants(
    calls: Sequence[LoggedCall], of: Callable[[LoggedCall], object]
) -> Mapping[str, list[LoggedCall]]:
    found: dict[str, list[LoggedCall]] = {}
    for call in calls:
        found.setdefault(canonical_json(of(call)), []).append(call)
    return found


def _differing(log: Log, variants: Mapping[str, list[LoggedCall]], what: str, cure: str) -> list[Problem]:
    if len(variants) < 2:
        return []
    usual = sorted(variants.items(), key=lambda each: -len(each[1]))[:_SHOWN]
    shown = [
        f"{_cut(text)} ({len(calls):,} of the calls, as in line {calls[0].line})" for text, calls in usual
    ]
    more = f"; and {len(variants) - _SHOWN} more" if len(variants) > _SHOWN else ""
    message = f"the calls were sent with {len(variants)} different {what}: {'; '.join(shown)}{more}"
    return [Problem(message, cure, log.shown)]


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _plain(message: Message) -> Mapping[str, object]:
    return {key: value for key, value in message_json(message).items() if value is not None}


def _flow(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
