"""Which policies of a family are judged, and whether they can be told apart."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.digest import UNHASHED_PARAMS, canonical_json
from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Deployment
from evalgate.load.policy_files.policies import LoadedPolicy
from evalgate.load.syntax.suggest import did_you_mean

REJECTED = "rejected"
_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Family:
    """A folder of policies: ``*.yaml`` directly in it are policies, and so are those in ``rejected/``.

    Whatever else policies need (prompts, routers) has another suffix or lives in another subfolder.
    """

    folder: Path

    def open(self) -> dict[str, Path]:
        """Return production and the open proposals by name."""
        return _policies_in(self.folder)

    def rejected(self) -> dict[str, Path]:
        """Return what was turned down, by name."""
        return _policies_in(self.folder / REJECTED)

    def find(self, written: str, start: Path) -> Path | None:
        """Return the policy that ``written`` names here: a name, or a path from ``start``."""
        if not is_path(written):
            return self.open().get(written) or self.rejected().get(written)
        path = (start / written).resolve()
        inside = path.is_relative_to(self.folder.resolve()) and path.is_file()
        return path if inside else None


def is_path(written: str) -> bool:
    """Tell a path to a policy from the name of one."""
    return "/" in written or "\\" in written or written.endswith(_SUFFIX)


def check_named(asked: Sequence[str], families: Sequence[Family], start: Path, option: str) -> None:
    """Make sure that each policy asked for is in the family of at least one suite.

    Raises:
        BadInput: with every one that is not.

    """
    problems = []
    for written in dict.fromkeys(asked):
        if any(family.find(written, start) is not None for family in families):
            continue
        problems.append(_not_found(written, families, start, option))
    if problems:
        raise BadInput(problems)


def _not_found(written: str, families: Sequence[Family], start: Path, option: str) -> Problem:
    folders = ", ".join(sorted({f"{family.folder.name}/" for family in families}))
    if is_path(written):
        if not (start / written).is_file():
            return Problem(f"{option} {written}: no such file", "name a policy, or the path of its file")
        message = f"{option} {written}: the policy is outside the suite's family ({folders})"
        return Problem(message, "move the file into the family, or choose a suite that judges its family")
    names = dict.fromkeys(name for family in families for name in (*family.open(), *family.rejected()))
    cure = did_you_mean(written, names, "its policies are")
    return Problem(f"{option} {written}: there is no such policy in {folders}", cure)


def check_identities(policies: Sequence[LoadedPolicy]) -> Iterator[Problem]:
    """Yield deployments that recordings cannot tell apart though they differ.

    Prompt and params are part of every recording's digest and may differ freely. What the digest leaves out
    may not: the candidate would be served the baseline's answers or times. Nor may one policy price one
    thing twice.
    """
    by_identity: defaultdict[tuple[str, ...], list[tuple[LoadedPolicy, Deployment]]] = defaultdict(list)
    for loaded in policies:
        for deployment in loaded.policy.deployments.values():
            identity = tuple(canonical_json(part) for part in deployment.identity)
            by_identity[identity].append((loaded, deployment))
    for sharing in by_identity.values():
        first_loaded, first = sharing[0]
        prices: dict[Path, Deployment] = {}
        for loaded, deployment in sharing:
            if (differing := _unhashed(first) ^ _unhashed(deployment)) and deployment is not first:
                key = min(name for name, _ in differing)
                yield _same_but_different(
                    loaded, deployment, f"{first.alias!r} in {first_loaded.document.shown}", key
                )
            priced = prices.setdefault(loaded.document.path, deployment)
            if priced.price != deployment.price:
                yield _two_prices(loaded, deployment, priced)


def _unhashed(deployment: Deployment) -> frozenset[tuple[str, str]]:
    # Whether an answer is streamed is no secret of its recording, which times the first token apart.
    seen = UNHASHED_PARAMS - {"stream"}
    return frozenset((k, canonical_json(v)) for k, v in deployment.params.items() if k in seen)


_SHARED = "has the same provider, model, revision and quantization as"


def _same_but_different(loaded: LoadedPolicy, deployment: Deployment, other: str, key: str) -> Problem:
    return loaded.document.problem(
        ("deployments", deployment.alias),
        f"{deployment.alias!r} {_SHARED} {other}, but another params.{key}, which recordings do not see",
        f"give both the same params.{key}, or another revision if it changes what answers",
        at_key=True,
    )


def _two_prices(loaded: LoadedPolicy, deployment: Deployment, priced: Deployment) -> Problem:
    return loaded.document.problem(
        ("deployments", deployment.alias),
        f"{deployment.alias!r} {_SHARED} {priced.alias!r}, but another price",
        "declare one price for both; if they are different models, say so in revision or quantization",
        at_key=True,
    )


def _policies_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    files = (path for path in folder.iterdir() if path.suffix == _SUFFIX and not path.name.startswith("."))
    return {path.stem: path for path in sorted(files) if path.is_file()}
