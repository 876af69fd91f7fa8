"""`python -m infra.release`: what was built goes to where a deployment finds it, and Terraform is told of it.

Packages are uploaded under keys that have their digests, so what runs is never replaced, and what is there already is
left alone. The file that Terraform reads, `release.auto.tfvars.json` of the environment, is written last; the next
apply brings the release into force, and an apply with an older file brings the older one back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from infra.artifacts.manifest import MANIFEST
from schemas.errors import ClickstreamError, ConfigError, WorkFailedError

ENVIRONMENTS = Path(__file__).resolve().parent / "terraform" / "envs"
RELEASE = "release.auto.tfvars.json"
# Terraform's variable for the key of each package, by the folder of its key.
PACKAGES: Mapping[str, str] = {"alerts": "alerts_package_key", "dropped-files": "dropped_files_package_key"}
IMAGE = "compaction_image"
_IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}")


class Bucket(Protocol):
    """Where packages are uploaded to."""

    def has(self, key: str) -> bool:
        """Say whether there is something under a key."""

    def put(self, key: str, data: bytes) -> None:
        """Put bytes under a key."""


def packages_of(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Return what was built, by Terraform's variable: key and bytes.

    Raises:
        ConfigError: with everything that is not built, not whole, or not what the manifest says.
    """
    try:
        listed = json.loads((folder / MANIFEST).read_bytes())["artifacts"]
    except FileNotFoundError:
        raise ConfigError(f"there is no {folder / MANIFEST}: run `make package`") from None
    found: dict[str, tuple[str, bytes]] = {}
    faults: list[str] = []
    for artifact in listed:
        variable = PACKAGES.get(artifact["key"].partition("/")[0])
        if variable is None:
            continue
        name, data = artifact["name"], _bytes_of(folder / artifact["name"])
        if artifact["lacks"]:
            faults.append(f"{name} lacks {', '.join(artifact['lacks'])}: see docs/deploy-alerts.md")
        elif hashlib.sha256(data).hexdigest() != artifact["sha256"]:
            faults.append(f"{name} is not the one that {MANIFEST} names: run `make package`")
        found[variable] = (artifact["key"], data)
    faults += [f"{kind} is not built: run `make package`" for kind, its in PACKAGES.items() if its not in found]
    if faults:
        raise ConfigError(faults)
    return found


def release(packages: Mapping[str, tuple[str, bytes]], image: str | None, bucket: Bucket, path: Path) -> dict[str, str]:
    """Upload what is not there yet, write Terraform's file, and return what is in it.

    Args:
        packages: by Terraform's variable, key and bytes.
        image: the compaction's image by its digest; without one that of the file stays.
        bucket: of artifacts.
        path: of the file.

    Raises:
        ConfigError: the image is not named by a digest of ECR; nothing was uploaded.
    """
    if image is not None and _IMAGE.fullmatch(image) is None:
        raise ConfigError(f"--image {image!r} is no REPOSITORY@sha256:DIGEST of ECR")
    before: dict[str, str] = json.loads(path.read_bytes()) if path.is_file() else {}
    for key, data in packages.values():
        if not bucket.has(key):
            bucket.put(key, data)
    now = {variable: key for variable, (key, _) in packages.items()}
    if image is not None or IMAGE in before:
        now[IMAGE] = image or before[IMAGE]
    path.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return now


class S3Bucket:
    """A bucket of S3, which encrypts what comes as it is told to."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def has(self, key: str) -> bool:
        """Say whether there is something under a key."""
        from botocore.exceptions import ClientError

        try:
            self._client.head_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def put(self, key: str, data: bytes) -> None:
        """Put bytes under a key."""
        self._client.put_object(Bucket=self._name, Key=key, Body=data)


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def main(
    environment: Annotated[str, typer.Option("--environment", "-e", metavar="NAME", help="dev, staging or prod.")],
    bucket: Annotated[str, typer.Option(help="The bucket of artifacts: Terraform's output artifacts_bucket.")],
    image: Annotated[
        str | None, typer.Option(metavar="REPOSITORY@sha256:DIGEST", help="The compaction's image, once it is pushed.")
    ] = None,
    dist: Annotated[Path, typer.Option(help="Where `make package` built.")] = Path("dist"),
) -> None:
    """Upload the packages that were built, and write what Terraform is to run.

    Example: `python -m infra.release --environment dev --bucket clickstream-dev-artifacts-123456789012`
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        folder = ENVIRONMENTS / environment
        if not folder.is_dir():
            known = ", ".join(sorted(path.name for path in ENVIRONMENTS.iterdir()))
            raise ConfigError(f"--environment {environment!r} is none of {known}")
        try:
            now = release(packages_of(dist), image, S3Bucket(boto3.client("s3"), bucket), folder / RELEASE)
        except (BotoCoreError, ClientError) as error:
            raise WorkFailedError(f"s3://{bucket}: {error}") from error
    except ClickstreamError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from None
    typer.echo(f"{folder / RELEASE}:")
    for variable, value in sorted(now.items()):
        typer.echo(f"  {variable} = {value}")


if __name__ == "__main__":
    typer.run(main)
