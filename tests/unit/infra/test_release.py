"""What was built is uploaded once, and Terraform is told of it, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from infra.artifacts.manifest import MANIFEST, Artifact, manifest_of
from infra.release import RELEASE, S3Bucket, packages_of, release
from schemas.errors import ConfigError

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/clickstream-dev-compaction@sha256:" + "ab" * 32
ALERTS = Artifact("clickstream-alerts.zip", b"job", "alerts", "the job")
FUNCTION = Artifact("clickstream-dropped-files.zip", b"function", "dropped-files", "the function")
OTHER = Artifact("clickstream-glue-job.py", b"glue", "glue", "the Glue job")


class FakeBucket:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []

    def has(self, key: str) -> bool:
        return key in self.objects

    def put(self, key: str, data: bytes) -> None:
        self.objects[key] = data
        self.puts.append(key)


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., Path]:
    def build(*artifacts: Artifact) -> Path:
        for artifact in artifacts:
            (tmp_path / artifact.name).write_bytes(artifact.data)
        (tmp_path / MANIFEST).write_bytes(manifest_of(artifacts))
        return tmp_path

    return build


def test_packages_are_found_by_what_their_keys_begin_with(built: Callable[..., Path]) -> None:
    assert packages_of(built(ALERTS, FUNCTION, OTHER)) == {
        "alerts_package_key": (ALERTS.key, b"job"),
        "dropped_files_package_key": (FUNCTION.key, b"function"),
    }


def test_what_is_missing_changed_or_not_whole_is_told_at_once(built: Callable[..., Path]) -> None:
    folder = built(Artifact("clickstream-alerts.zip", b"job", "alerts", "the job", ("lib/a.jar",)))
    with pytest.raises(ConfigError) as told:
        packages_of(folder)
    assert told.value.faults == (
        "clickstream-alerts.zip lacks lib/a.jar: see docs/deploy-alerts.md",
        "dropped-files is not built: run `make package`",
    )
    folder = built(ALERTS, FUNCTION)
    (folder / FUNCTION.name).write_bytes(b"another")
    with pytest.raises(ConfigError, match="is not the one that"):
        packages_of(folder)


def test_without_a_manifest_there_is_nothing_to_release(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make package"):
        packages_of(tmp_path)


def test_packages_are_uploaded_once_and_terraform_gets_keys_and_image(built: Callable[..., Path]) -> None:
    folder, bucket = built(ALERTS, FUNCTION), FakeBucket()
    path = folder / RELEASE
    release(packages_of(folder), IMAGE, bucket, path)
    release(packages_of(folder), None, bucket, path)
    assert bucket.puts == [ALERTS.key, FUNCTION.key]
    assert bucket.objects == {ALERTS.key: b"job", FUNCTION.key: b"function"}
    assert json.loads(path.read_bytes()) == {
        "alerts_package_key": ALERTS.key,
        "dropped_files_package_key": FUNCTION.key,
        "compaction_image": IMAGE,
    }


def test_without_an_image_terraform_is_told_of_none(built: Callable[..., Path]) -> None:
    folder = built(ALERTS, FUNCTION)
    assert "compaction_image" not in release(packages_of(folder), None, FakeBucket(), folder / RELEASE)


@pytest.mark.parametrize("image", ["repository:latest", IMAGE[:-1], "docker.io/a@sha256:" + "ab" * 32])
def test_an_image_that_no_digest_names_is_refused_before_anything_is_uploaded(
    built: Callable[..., Path], image: str
) -> None:
    folder, bucket = built(ALERTS, FUNCTION), FakeBucket()
    with pytest.raises(ConfigError, match="no REPOSITORY@sha256:DIGEST"):
        release(packages_of(folder), image, bucket, folder / RELEASE)
    assert not bucket.puts and not (folder / RELEASE).exists()


@pytest.fixture
def client() -> Any:
    return botocore.session.get_session().create_client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def test_a_key_that_is_not_there_is_told_from_one_that_is_forbidden(client: Any) -> None:
    bucket = S3Bucket(client, "artifacts")
    with Stubber(client) as answers:
        answers.add_client_error("head_object", "404", http_status_code=404)
        answers.add_response("head_object", {}, {"Bucket": "artifacts", "Key": "a"})
        answers.add_client_error("head_object", "403", http_status_code=403)
        assert not bucket.has("a")
        assert bucket.has("a")
        with pytest.raises(client.exceptions.ClientError):
            bucket.has("a")


def test_what_is_put_is_encrypted_as_the_bucket_is_told_to(client: Any) -> None:
    with Stubber(client) as answers:
        answers.add_response("put_object", {}, {"Bucket": "artifacts", "Key": "a", "Body": b"1"})
        S3Bucket(client, "artifacts").put("a", b"1")
        answers.assert_no_pending_responses()
