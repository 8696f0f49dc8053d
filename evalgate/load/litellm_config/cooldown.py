"""When litellm's Router leaves a deployment that fails alone, in the words of a policy.

Where its ``allowed_fails`` is set, it counts the failures of a deployment for ``cooldown_time`` seconds from
the first one on, and one too many rests the deployment for as long. Else it goes by kinds and shares of
failures, which no policy can say; a group's only deployment hardly ever rests then.
"""

from collections.abc import Iterator, Sequence

from evalgate.load.litellm_config.config import LitellmConfig, Setting
from evalgate.load.litellm_config.draft import Draft, as_number
from evalgate.load.litellm_config.groups import Asked, Deployed
from evalgate.load.litellm_config.reliability import Reliable
from evalgate.load.syntax.yaml_text import KeyPath

# What litellm does where nobody says anything (litellm.allowed_fails, DEFAULT_COOLDOWN_TIME_SECONDS).
ALLOWED_FAILS, COOLDOWN_TIME_S = 3, 5.0
# The settings that make cooldowns, by any of which `without` leaves them out.
COOLING = ("allowed_fails", "allowed_fails_policy", "cooldown_time")
# The kinds of failure that a policy counts, by the names of litellm's policies.
_COUNTED = (
    "TimeoutErrorAllowedFails",
    "RateLimitErrorAllowedFails",
    "InternalServerErrorAllowedFails",
    "ServiceUnavailableErrorAllowedFails",
    "BadGatewayErrorAllowedFails",
)
_ALLOWED: KeyPath = ("reliability", "allowed_fails")
_WINDOW: KeyPath = ("reliability", "fails_window_s")
_TIME: KeyPath = ("reliability", "cooldown_time_s")
_ALONE = (
    "without allowed_fails a group's only deployment rests after a 401 or 404, and when 1000 calls in a"
    " minute all fail; here it never does"
)
_AMONG = (
    "without allowed_fails one of a group's deployments rests after a 429, 401 or 404, and when most of its"
    " calls in a minute fail, 5 or more; here none does"
)

_Time = tuple[float, KeyPath]


def put_cooldown(reliable: Reliable, asked: Sequence[Asked], retries: int) -> None:
    """Write after how many failures the deployments of ``asked`` are left alone, where a policy can say it.

    ``retries`` are the most that one of them has. What cannot be said is told.
    """
    draft = reliable.draft
    _tell_idle(draft)
    if draft.states(_ALLOWED):
        # The policy's own number goes with the config's times; null turns cooldowns off.
        if draft.stated_at(_ALLOWED) is not None and (times := _times(reliable, asked)) is not None:
            _put_times(draft, times)
        return
    if _is_off(draft) or _is_left_out(reliable, asked) or _counts_apart(reliable, asked):
        return
    rule, by_kind = _allowed(draft), draft.config.router("allowed_fails_policy")
    if by_kind is not None and isinstance(by_kind.value, dict):
        rule = _by_kind(draft, by_kind, rule)
    elif rule is None:
        _tell_default(reliable, asked)
    if rule is not None:
        _put_rule(reliable, asked, rule, retries)


def _put_rule(reliable: Reliable, asked: Sequence[Asked], rule: tuple[float, KeyPath], retries: int) -> None:
    """Write the Router's rule, unless it works otherwise than a policy's; that is noted."""
    draft, (allowed, source) = reliable.draft, rule
    if shared := [each for each in asked if len(reliable.groups.level(each)) > 1]:
        others = f"rests one of the deployments of {shared[0].group!r} while the others serve"
        draft.pass_by(source, f"{others}; here none does")
        return
    times = _times(reliable, asked, source)
    if times is None or times[1][0] == 0:
        return
    if times[1][0] < times[0][0] and not draft.states(_TIME):
        longer = "counts failures for longer than a deployment rests, which then rests again after one more"
        draft.pass_by(source, f"{longer}; here none does")
        return
    draft.put(_ALLOWED, int(allowed), source)
    _put_times(draft, times)
    if allowed < retries:
        _tell_retries(draft, source, int(allowed))


def _is_off(draft: Draft) -> bool:
    """Tell whether the Router has no cooldowns; a setting that is not read is refused."""
    setting = draft.config.router("disable_cooldowns")
    if setting is not None and setting.from_environment is not None:
        message = f"its value stands in the environment ({setting.from_environment}), which is not read"
        draft.refuse(
            setting.key,
            message,
            "write true or false, or reliability.allowed_fails in the policy",
            [_ALLOWED],
        )
    return setting is not None and bool(setting.value)


def _is_left_out(reliable: Reliable, asked: Sequence[Asked]) -> bool:
    """Tell whether the policy knowingly does without cooldowns, and note what it leaves out."""
    draft = reliable.draft
    names = [name for name in COOLING if name in draft.without]
    stated = any(draft.config.router(name) is not None for name in COOLING)
    own = any(
        _own_time(each) is not None or "allowed_fails_policy" in each.info
        for each in _deployed(reliable, asked)
    )
    if names and (stated or own or _are_among_others(reliable, asked)):
        for name in names:
            draft.pass_by(_home(draft.config, name), "")
    return bool(names)


def _counts_apart(reliable: Reliable, asked: Sequence[Asked]) -> bool:
    """Tell whether a deployment counts its own failures by kind, or among others, and note it."""
    for each in asked:
        alone = len(reliable.groups.find(each.group)) == 1
        for deployed in reliable.groups.level(each):
            for name in ("allowed_fails_policy",) if alone else ("allowed_fails_policy", "allowed_fails"):
                if deployed.info.get(name) is not None:
                    message = "is a deployment's own; a policy has one for all, and here none rests"
                    reliable.draft.pass_by((*deployed.key, "model_info", name), message)
                    return True
    return False


def _allowed(draft: Draft) -> tuple[float, KeyPath] | None:
    """Return the Router's number of allowed failures where it is another one than the module's.

    The Router takes the module's own number, also where it is told it, for none at all.
    """
    setting = draft.config.router("allowed_fails")
    if setting is None or _is_idle(draft.config, setting):
        return None
    number = draft.number(setting, _ALLOWED, whole=True)
    return None if number is None else (number, setting.key)


def _is_idle(config: LitellmConfig, setting: Setting) -> bool:
    number = as_number(setting.value)
    return number is not None and number == _of_module(config)


def _of_module(config: LitellmConfig) -> float | None:
    setting = config.module("allowed_fails")
    return ALLOWED_FAILS if setting is None else as_number(setting.value)


def _by_kind(
    draft: Draft, policy: Setting, rule: tuple[float, KeyPath] | None
) -> tuple[float, KeyPath] | None:
    """Return the one number that kinds of failure come to; None, and a note, where they have several."""
    assert isinstance(policy.value, dict)
    others = _of_module(draft.config) if rule is None else rule[0]
    stated = {name: as_number(value) for name, value in policy.value.items() if value is not None}
    counts = {stated.get(name, others) for name in _COUNTED} | {others}
    if len(counts) == 1 and (one := counts.pop()) is not None and one >= 0:
        return one, policy.key
    message = "allows failures by their kind, and a policy counts all kinds alike; here no deployment rests"
    draft.pass_by(policy.key, message)
    return None


def _times(
    reliable: Reliable, asked: Sequence[Asked], rule: KeyPath | None = None
) -> tuple[_Time, _Time] | None:
    """Return for how long failures count, and for how long a deployment rests: 0 for never.

    The one is the Router's. The other is a deployment's own first; where deployments differ, it is noted at
    ``rule``, or refused where the policy itself says how many failures are allowed, and None is returned.
    """
    draft, setting = reliable.draft, reliable.config.router("cooldown_time")
    number = draft.number(setting, _TIME)
    if setting is not None and number is None:
        return None
    # The Router takes 0 for nothing said.
    window = (number, setting.key) if setting is not None and number else (COOLDOWN_TIME_S, ("model_list",))
    rests = [_rest(reliable, each, window) for each in asked]
    if draft.states(_TIME) or not rests:
        return window, window
    seconds = {value for value, _ in rests}
    if len(seconds) == 1:
        return window, rests[0]
    message = "deployments rest for different times, and a policy's all rest for one"
    if rule is not None:
        draft.pass_by(rule, f"{message}; here none does")
    else:
        own = next((source for _, source in rests if source != window[1]), window[1])
        draft.refuse(own, message, "write reliability.cooldown_time_s in the policy", [_TIME])
    return None


def _rest(reliable: Reliable, asked: Asked, shared: _Time) -> _Time:
    """Return for how long a deployment rests, and where that stands; 0 for never."""
    for each in reliable.groups.level(asked):
        if each.info.get("allowed_fails") is not None and len(reliable.groups.find(asked.group)) == 1:
            # litellm never rests a group's only deployment for a number of its own.
            return 0.0, (*each.key, "model_info", "allowed_fails")
        if (own := _own_time(each)) is not None:
            number = reliable.draft.number(own, _TIME)
            return shared if number is None else (number, own.key)
    return shared


def _own_time(deployed: Deployed) -> Setting | None:
    value = deployed.info.get("cooldown_time")
    if value is not None:
        return Setting((*deployed.key, "model_info", "cooldown_time"), value)
    return deployed.setting("cooldown_time")


def _put_times(draft: Draft, times: tuple[_Time, _Time]) -> None:
    window, rest = times
    draft.put(_WINDOW, *window)
    draft.put(_TIME, *(rest if rest[0] > 0 else window))


def _tell_idle(draft: Draft) -> None:
    """Tell settings that look like cooldowns and make none."""
    config = draft.config
    router, module = config.router("allowed_fails"), config.module("allowed_fails")
    if config.router("allowed_fails_policy") is None:
        if router is None and module is not None:
            draft.tell(module.key, "rests no deployment in LiteLLM; router_settings.allowed_fails does")
        if router is not None and _is_idle(config, router):
            whose = "its own default" if module is None else "that of litellm_settings"
            draft.tell(
                router.key,
                f"rests no deployment: LiteLLM takes {whose} for nothing said; any other number works",
            )
    if (misplaced := config.module("cooldown_time")) is not None:
        draft.tell(misplaced.key, "is not looked for here by LiteLLM; router_settings.cooldown_time is")


def _tell_default(reliable: Reliable, asked: Sequence[Asked]) -> None:
    """Tell what the Router's own rule does, where somebody says for how long or there is more to it."""
    draft = reliable.draft
    own = (_own_time(each) for each in _deployed(reliable, asked))
    stated = [each.key for each in (draft.config.router("cooldown_time"), *own) if each is not None]
    among = _are_among_others(reliable, asked)
    if among and not stated:
        stated = [_home(draft.config, "cooldown_time")]
    for key in stated:
        draft.pass_by(key, _AMONG if among else _ALONE)


def _tell_retries(draft: Draft, source: KeyPath, allowed: int) -> None:
    fails = "the first failure" if allowed == 0 else f"{allowed + 1} failures"
    message = f"after {fails} LiteLLM makes no more retries of the same call; here it has all of its retries"
    draft.tell(source, message)


def _deployed(reliable: Reliable, asked: Sequence[Asked]) -> Iterator[Deployed]:
    for each in asked:
        yield from reliable.groups.level(each)


def _are_among_others(reliable: Reliable, asked: Sequence[Asked]) -> bool:
    return any(len(reliable.groups.find(each.group)) > 1 for each in asked)


def _home(config: LitellmConfig, name: str) -> KeyPath:
    """Return where a config says a setting of the Router."""
    return ("router_settings", name) if config.proxy else (name,)
