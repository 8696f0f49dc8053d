"""Starting is cheap: help loads nothing that measures."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "scipy",
    "aiohttp",
    "jinja2",
    "pandas",
    "litellm",
    "rich",
    "genai_prices",
    "pydantic",
    "msgspec",
    "yaml",
    "asyncio",
    "evalgate.pipeline.run",
    "evalgate.report.text",
)
PROGRAM = """
import sys
from evalgate.cli.main import main
code = main(sys.argv[1:])
loaded = [name for name in {heavy!r} if name in sys.modules]
sys.exit(f"loaded: {{loaded}}" if loaded else code)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["-h"], 0),
        (["--version"], 0),
        (["run", "--help"], 0),
        (["record", "--help"], 0),
        (["compare", "--help"], 0),
        (["ci", "--help"], 0),
        (["plan", "--help"], 0),
        (["check", "--help"], 0),
        (["init", "--help"], 0),
        (["schema", "--help"], 0),
        (["completion", "--help"], 0),
        (["store", "--help"], 0),
        (["store", "import", "--help"], 0),
        (["store", "verify", "--help"], 0),
        (["completion", "bash"], 0),
        (["schema", "nonsense"], 2),
        (["init", "--provider", "nonsense"], 2),
        (["rn"], 2),
        (["run", "--nonsense"], 2),
    ],
)
def test_help_and_usage_errors_import_nothing_heavy(arguments, code):
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, "loaded" in finished.stderr) == (code, False), finished.stderr


def test_a_run_that_calls_imports_what_judges_only_while_it_waits_for_answers():
    program = "import sys, evalgate.pipeline.run, evalgate.pipeline.live.calling_suite;"
    program += (
        "sys.exit(sorted({'numpy', 'aiohttp', 'evalgate.load.litellm_config.config'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.stderr.strip() == "[]"


def test_help_does_not_even_import_the_other_verbs():
    program = (
        "import sys; from evalgate.cli.main import main; main(['run', '--help']);"
        "sys.exit('evalgate.cli.record' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


def test_the_module_and_the_version():
    finished = subprocess.run(
        [sys.executable, "-m", "evalgate", "--version"], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0
    assert finished.stdout.split()[0] == "evalgate"
    assert finished.stdout.split()[1][0].isdigit()
    assert finished.stderr == ""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_that_nobody_reads_is_no_noise_and_no_verdict(arguments):
    program = (
        f"import sys; sys.stdin.read(); from evalgate.cli.main import main; sys.exit(main({arguments!r}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        process.stdout.close()
        process.stdin.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_a_shell_can_ask_for_completions():
    finished = subprocess.run(
        [sys.executable, "-m", "evalgate"],
        env={"_EVALGATE_COMPLETE": "bash_complete", "COMP_WORDS": "evalgate re", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "record" in finished.stdout
