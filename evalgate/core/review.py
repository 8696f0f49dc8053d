"""What is wrong, and what is odd, in everything a person wrote."""

from dataclasses import dataclass

from evalgate.core.errors import ExitCode, Problem


@dataclass(frozen=True, slots=True)
class Review:
    """The errors would stop a command, the warnings would surprise somebody; ``looked_at`` counts things."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    looked_at: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Bad input when anything is wrong; warnings alone are no failure."""
        return ExitCode.BAD_INPUT if self.errors else ExitCode.OK
