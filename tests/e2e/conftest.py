"""What several end-to-end tests share: repositories that take a while to make."""

import os
import shutil

import pytest

from tests.pull_requests import Origin, Runner, made_origin


@pytest.fixture(scope="session")
def origin_template(tmp_path_factory):
    return made_origin(tmp_path_factory.mktemp("origin"))


@pytest.fixture
def origin(origin_template, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_", "EVALGATE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", os.devnull)
    shutil.copytree(origin_template, tmp_path / "remote")
    return Origin(tmp_path / "remote")


@pytest.fixture
def runner(tmp_path, monkeypatch):
    return Runner(tmp_path / "runner", monkeypatch)
