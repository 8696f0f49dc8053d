"""The shape of the code, tested: what CONTRIBUTING.md promises holds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "evalgate").rglob("*.py"))
TEXTS = [
    path
    for pattern in ("*.md", "docs/**/*.md", "suites/**/*.md", "evalgate/**/*.py", "pyproject.toml")
    for path in ROOT.glob(pattern)
]


def test_every_module_is_under_300_lines():
    long = {str(path): count for path in MODULES if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_every_function_is_under_40_lines_with_at_most_six_parameters():
    odd = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
                lines = node.end_lineno - start + 1
                named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = len([argument for argument in named if argument.arg not in {"self", "cls"}])
                if lines > 40 or (count > 6 and "cli" not in path.parts):
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    odd.append(f"{where} {node.name}: {lines} lines, {count} parameters")
    assert not odd


def test_package_inits_are_empty():
    assert not [path for path in MODULES if path.name == "__init__.py" and path.read_text().strip()]


def test_no_module_is_a_drawer():
    drawers = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    assert not [path for path in MODULES if path.stem in drawers or path.parent.name in drawers]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_installs_the_package_of_somebody_else(path):
    assert not re.search(r"pip install evalgate(?!-)|uvx evalgate(?!-)", path.read_text())


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("docs/**/*.md")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_between_docs_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert not [target for target in targets if not (path.parent / target).exists()]
