"""Policies beside the config that really serves: ``evalgate check --against``."""

from collections.abc import Sequence
from pathlib import Path

from evalgate.core.config_comparison import ConfigComparison
from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy_file import PolicyFile
from evalgate.load.everything import Everything, load_everything
from evalgate.load.litellm_config.config import read_litellm_config
from evalgate.load.litellm_config.differences import compare_with_config
from evalgate.load.litellm_config.translate import passed_over
from evalgate.load.policy_files.families import is_path
from evalgate.load.policy_files.policy_documents import wanted
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.suggest import did_you_mean


def compare_policies_with_config(start: Path, file: str, policies: Sequence[str]) -> ConfigComparison:
    """Return how policies and a config differ: those named (or paths from ``start``), else the baselines.

    Raises:
        BadInput: there is no such policy or it has problems, or the file is no LiteLLM config.

    """
    config = read_litellm_config(start / file, file)
    found = load_everything(start)
    project = found.gathered.file
    chosen = _chosen(found, policies, start)
    if not chosen or project is None:
        raise BadInput(found.errors or [Problem("there is no policy to compare", "write one, or name it")])
    compared = [
        compare_with_config(document, wanted(document.value), config, project.value.providers)
        for document in chosen
    ]
    return ConfigComparison(file, tuple(compared), tuple(passed_over(config)))


def _chosen(found: Everything, policies: Sequence[str], start: Path) -> list[Document[PolicyFile]]:
    """Return the documents of the policies asked for, in that order."""
    documents = list(found.policies.values())
    project = found.gathered.file
    if not policies and project is not None:
        return [each for each in documents if each.path.stem == project.value.baseline]
    chosen: list[Document[PolicyFile]] = []
    problems: list[Problem] = []
    for written in policies:
        fit = [each for each in documents if _is(each, written, start)]
        chosen += fit
        if not fit:
            names = sorted({each.path.stem for each in documents})
            problems.append(
                Problem(f"{written}: there is no such policy", did_you_mean(written, names, "there are"))
            )
    if problems:
        # One that is there and has problems of its own is told by these.
        raise BadInput([*problems, *found.errors])
    return chosen


def _is(document: Document[PolicyFile], written: str, start: Path) -> bool:
    if is_path(written):
        return document.path.resolve() == (start / written).resolve()
    return document.path.stem == written
