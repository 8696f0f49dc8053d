"""A small project of mails whose models are functions in its own folder, and the command line run on it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

POLICY = """
deployments:
  only: {provider: here, model: MODEL, revision: "1", price: {per_request: 0.01}}
"""


def write_mail(
    root: Path,
    budgets: str,
    suite: str,
    answers: str,
    cases: Iterable[Mapping[str, Any]],
    models: Mapping[str, str],
) -> None:
    """Write the project; ``answers`` is the module with the models, ``models`` names each policy's."""
    for name in ("suites/mail", "policies/mail", ".git"):
        (root / name).mkdir(parents=True)
    provider = 'providers: {here: {kind: function, path: "answers:answer"}}'
    (root / "evalgate.yaml").write_text(f"{provider}\nbudgets: {budgets}\n")
    (root / "answers.py").write_text(answers)
    (root / "suites/mail/suite.yaml").write_text(suite)
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    for policy, model in models.items():
        (root / f"policies/mail/{policy}.yaml").write_text(POLICY.replace("MODEL", model))
