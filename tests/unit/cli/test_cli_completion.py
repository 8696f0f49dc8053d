"""Completion scripts: what click has, without running a shell."""

import shutil
import subprocess

import pytest

from evalgate.cli.main import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_evalgate_for_words(capsys, shell):
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert f"_EVALGATE_COMPLETE={shell}_complete" in out
    assert err == ""


def test_an_unknown_shell_is_exit_2(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert "'tcsh' is not one of" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_can_read_its_script(capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out
    read = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
