"""`python -m infra.artifacts`: build what is deployed into a folder, and say what it is and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from infra.artifacts.archive import zip_bytes
from infra.artifacts.errors import BuildError
from infra.artifacts.image import IMAGE_CONTEXT, image_archive
from infra.artifacts.manifest import MANIFEST, Artifact, manifest_of
from infra.artifacts.packages import GLUE_JOB, GLUE_WHEELS, JAR, POM, alerts_package, dropped_files_package
from infra.artifacts.requirements import compaction_requirements
from infra.artifacts.vendor import find_uv
from infra.artifacts.wheel import project_wheel
from infra.artifacts.wheelhouse import GLUE, requirements_for, zip_of_wheels

_ROOT = Path(__file__).resolve().parents[2]
_GLUE_SCRIPT = Path("batch_compaction/glue_job.py")
_COMPACTION = "compaction"


class Builder:
    """Builds artifacts from a checkout; what several need is made once.

    Args:
        root: the checkout.
        connector_jar: for the alert job; without one its package lacks it.
    """

    def __init__(self, root: Path, connector_jar: Path | None) -> None:
        self._root = root
        self._uv = find_uv(root)
        self._connector_jar = connector_jar
        self._wheel = cache(lambda: project_wheel(root))
        self._requirements = cache(lambda: compaction_requirements(root, self._uv))

    def parts(self) -> dict[str, Callable[[], list[Artifact]]]:
        """Return how each part is built, by its name."""
        return {
            "alerts": self._alerts,
            "dropped-files": self._dropped_files,
            "image": self._image,
            "glue": self._glue,
        }

    def _alerts(self) -> list[Artifact]:
        package = alerts_package(self._root, self._uv, self._connector_jar)
        lacks = (JAR,) if self._connector_jar is None else ()
        return [
            Artifact(package.name, package.data, "alerts", "the alert job for Managed Service for Apache Flink", lacks)
        ]

    def _dropped_files(self) -> list[Artifact]:
        package = dropped_files_package(self._root, self._uv)
        return [Artifact(package.name, package.data, "dropped-files", "the function for dropped files, for Lambda")]

    def _image(self) -> list[Artifact]:
        name, data = self._wheel()
        archive = image_archive(self._root, self._requirements(), (name, data))
        return [
            Artifact(name, data, _COMPACTION, "the project as a Python package"),
            Artifact(IMAGE_CONTEXT, archive, _COMPACTION, "what the container image of the compaction is built from"),
        ]

    def _glue(self) -> list[Artifact]:
        name, data = self._wheel()
        wheels = zip_of_wheels(GLUE, requirements_for(GLUE, self._requirements()), {name: data})
        script = (self._root / _GLUE_SCRIPT).read_bytes()
        return [
            Artifact(GLUE_JOB, script, _COMPACTION, "the script of the compaction as a Glue job"),
            Artifact(GLUE_WHEELS, zip_bytes(wheels), _COMPACTION, "what the Glue job installs"),
        ]


def build(
    folder: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("dist"),
    connector_jar: Annotated[
        Path | None, typer.Option("--connector-jar", help=f"The jar that becomes {JAR} of the alert job's package.")
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Only this part: alerts, dropped-files, image, glue. Repeatable.")
    ] = None,
) -> None:
    """Build what is deployed: for Managed Service for Apache Flink, Lambda, Fargate and Glue."""
    try:
        parts = Builder(_ROOT, connector_jar).parts()
        if unknown := set(part or ()) - parts.keys():
            raise BuildError(f"--part {', '.join(sorted(unknown))} is none of {', '.join(parts)}")
        artifacts = [artifact for name in part or parts for artifact in parts[name]()]
    except BuildError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    _write_all(folder, artifacts)
    if any(artifact.lacks for artifact in artifacts):
        typer.echo(
            f"{artifacts[0].name} has no {JAR} yet: where Maven Central can be reached, run `mvn -f {POM} package`, "
            f"then `make package CONNECTOR_JAR={Path(POM).with_name('target') / Path(JAR).name}`"
        )


def _write_all(folder: Path, artifacts: Sequence[Artifact]) -> None:
    """Write the files, and the manifest after all of them: it never names what is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for artifact in artifacts:
        _write(folder / artifact.name, artifact.data)
        typer.echo(f"{folder / artifact.name}  {len(artifact.data) / 1e6:.2f} MB, {artifact.use}")
    _write(folder / MANIFEST, manifest_of(artifacts))


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


if __name__ == "__main__":
    typer.run(build)
