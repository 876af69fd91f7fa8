"""`python -m infra.artifacts`: build the packages into a folder, and say what they are and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.artifacts.errors import BuildError
from infra.artifacts.packages import JAR, POM, Package, alerts_package, dropped_files_package
from infra.artifacts.requirements import COMPACTION_REQUIREMENTS, compaction_requirements
from infra.artifacts.vendor import find_uv

_ROOT = Path(__file__).resolve().parents[2]


def build(
    folder: Annotated[Path, typer.Option("--out", help="Where the packages go.")] = Path("dist"),
    connector_jar: Annotated[
        Path | None, typer.Option("--connector-jar", help=f"The jar that becomes {JAR} of the alert job's package.")
    ] = None,
) -> None:
    """Build the packages for Managed Service for Apache Flink and for Lambda, and what the container image takes in."""
    try:
        uv = find_uv(_ROOT)
        packages = [alerts_package(_ROOT, uv, connector_jar), dropped_files_package(_ROOT, uv)]
        requirements = compaction_requirements(_ROOT, uv)
    except BuildError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        _write(folder / package.name, package)
    path = folder / COMPACTION_REQUIREMENTS
    path.write_text(requirements, encoding="utf-8")
    typer.echo(f"{path}  for infra/container/Dockerfile")
    if connector_jar is None:
        typer.echo(
            f"{packages[0].name} has no {JAR} yet: where Maven Central can be reached, run `mvn -f {POM} package`, "
            f"then `make package CONNECTOR_JAR={Path(POM).with_name('target') / Path(JAR).name}`"
        )


def _write(path: Path, package: Package) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(package.data)
    part.replace(path)
    typer.echo(f"{path}  {len(package.data) / 1e6:.1f} MB, unpacked {package.unpacked_bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(build)
