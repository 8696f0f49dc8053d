"""Where a policy and the config that really serves say different things."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalgate.core.errors import ExitCode, Problem


@dataclass(frozen=True, slots=True)
class Said:
    """What one of the two says: the value as text, None where it says nothing; and where it would stand."""

    value: str | None
    file: str
    line: int | None
    column: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that policy and config say differently; ``key`` is the policy's.

    ``why`` is empty where the two values say it all.
    """

    key: str
    policy: Said
    config: Said
    why: str = ""


@dataclass(frozen=True, slots=True)
class ComparedPolicy:
    """A policy with every difference from the config.

    ``beside`` is what the config does that no policy can say. It is no difference, as nothing that a policy
    says could take it away. ``matched`` leads from deployments to the groups of another name that they were
    compared with, and ``others`` are the groups that no request of the policy reaches.
    """

    policy: str
    differences: tuple[Difference, ...]
    beside: tuple[Problem, ...]
    matched: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigComparison:
    """Policies compared with a config; ``passed_over`` are its settings that change nothing judged."""

    config: str
    policies: tuple[ComparedPolicy, ...]
    passed_over: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """1 where anything differs."""
        differ = any(each.differences for each in self.policies)
        return ExitCode.BLOCKED if differ else ExitCode.OK
