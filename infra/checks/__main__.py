"""`python -m infra.checks`: check modules and environments of the Terraform, and say what each check came to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from infra.checks.checking import check_folders
from infra.checks.folders import chosen, folders_of
from infra.checks.outcomes import Check, exit_code, lines_of, verdict
from infra.checks.tools import Tools, cache_folder
from schemas.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1] / "terraform"


def check(
    names: Annotated[list[str] | None, typer.Argument(help="Modules and environments; all of them by default.")] = None,
    allow_unchecked: Annotated[
        bool, typer.Option("--allow-unchecked", help="What cannot be checked here is named, and no failure.")
    ] = False,
    root: Annotated[Path, typer.Option("--root", help="The folder that has modules/ and envs/.")] = ROOT,
) -> None:
    """Check the Terraform with no account: fmt, validate, test, checkov, and the IAM documents that tests make.

    Example: `python -m infra.checks modules/lake envs/dev`
    """
    try:
        wanted = chosen(folders_of(root), names or [])
    except ConfigError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    checks = check_folders(root.resolve(), wanted, Tools(cache_folder(os.environ)), _tell)
    typer.echo(verdict(checks))
    if code := exit_code(checks, allow_unchecked=allow_unchecked):
        raise typer.Exit(code)


def _tell(check: Check) -> None:
    typer.echo(lines_of(check))


if __name__ == "__main__":
    typer.run(check)
