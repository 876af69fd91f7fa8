import zipfile
from pathlib import Path

import pytest

from infra.artifacts.errors import BuildError
from infra.artifacts.packages import checked_jar

CONNECTOR = "org/apache/flink/connector/kinesis/source/KinesisStreamsSource.class"
SDK = "software/amazon/awssdk/services/kinesis/KinesisClient.class"
SHADED_SDK = f"org/apache/flink/connector/kinesis/sink/shaded/{SDK}"


def jar(folder: Path, *names: str) -> Path:
    path = folder / "a.jar"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"class")
    return path


@pytest.mark.parametrize("sdk", [SDK, SHADED_SDK])
def test_a_jar_with_connector_and_sdk_is_taken_as_it_is(tmp_path: Path, sdk: str) -> None:
    path = jar(tmp_path, CONNECTOR, sdk)
    assert checked_jar(path) == path.read_bytes()


def test_a_connector_without_the_sdk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"without the AWS SDK .* stream_jobs/msf/pom\.xml"):
        checked_jar(jar(tmp_path, CONNECTOR))


def test_a_jar_without_the_connector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="is not Flink's Kinesis connector"):
        checked_jar(jar(tmp_path, SDK))


def test_what_is_no_jar_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jar"
    path.write_bytes(b"not a zip")
    with pytest.raises(BuildError, match="cannot be read as a jar"):
        checked_jar(path)
    with pytest.raises(BuildError, match="cannot be read as a jar"):
        checked_jar(tmp_path / "missing.jar")
