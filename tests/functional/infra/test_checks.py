"""What the checks of the Terraform say where a tool cannot be had: each by name, and no success."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.checks import __main__ as command
from infra.checks.checking import check_folders
from infra.checks.folders import folders_of
from infra.checks.outcomes import Check, Outcome
from infra.checks.tools import Provider, Tools, UnavailableError, cache_folder


class NoTools(Tools):
    """A machine that can get nothing."""

    def python(self, name: str) -> Path:
        raise UnavailableError(f"{name} cannot be installed: no route to host")

    def provider(self, types: object) -> Provider:
        raise AssertionError("nobody asks for a provider without Terraform")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("modules/keys", "envs/dev"):
        folder = tmp_path / "terraform" / name
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text('data "aws_iam_policy_document" "this" {\n}\n', encoding="utf-8")
    return tmp_path / "terraform"


def test_what_cannot_be_checked_is_named_folder_by_folder(root: Path, tmp_path: Path) -> None:
    told: list[Check] = []
    checks = check_folders(root, folders_of(root), NoTools(tmp_path / "cache"), told.append)
    assert told == checks
    assert {check.outcome for check in checks} == {Outcome.UNCHECKED}
    names = {(check.folder, check.name) for check in checks}
    assert names == {
        (folder, name)
        for folder in ("envs/dev", "modules/keys")
        for name in ("fmt", "get", "validate", "test", "iam", "checkov")
    }
    assert {check.text.partition(" ")[0] for check in checks} == {"terraform", "checkov"}


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "Tools", NoTools)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("no_tools")
def test_it_is_a_success_only_where_that_is_allowed(root: Path) -> None:
    runner = CliRunner()
    app = typer.Typer()
    app.command()(command.check)
    arguments = ["--root", str(root), "keys"]
    strict = runner.invoke(app, arguments)
    assert strict.exit_code == 1
    assert strict.stdout.splitlines()[-1] == "0 passed, 0 failed, 6 skipped"
    assert runner.invoke(app, [*arguments, "--allow-unchecked"]).exit_code == 0


@pytest.mark.usefixtures("no_tools")
def test_a_folder_that_is_not_there_is_wrong_usage(root: Path) -> None:
    app = typer.Typer()
    app.command()(command.check)
    result = CliRunner().invoke(app, ["--root", str(root), "kyes"])
    assert result.exit_code == 2
    assert "there is no module or environment 'kyes'" in result.stderr


def test_the_cache_is_the_user_s_own(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "clickstream-infra"
    assert cache_folder({}) == Path.home() / ".cache" / "clickstream-infra"
