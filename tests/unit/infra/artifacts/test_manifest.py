import json

import pytest

from infra.artifacts.manifest import Artifact, manifest_of


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("clickstream-alerts.zip", ".zip"),
        ("clickstream-compaction.gluewheels.zip", ".gluewheels.zip"),
        ("clickstream-compaction-image.tar.gz", ".tar.gz"),
        ("clickstream-glue-job.py", ".py"),
        ("clickstream_pipeline-0.1.0-py3-none-any.whl", ".whl"),
    ],
)
def test_a_key_is_the_digest_of_what_is_under_it_and_says_what_that_is(name: str, ending: str) -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert Artifact(name, b"abc", "folder", "nothing").key == f"folder/{digest}{ending}"


def test_a_manifest_lists_artifacts_by_name_and_says_what_they_lack() -> None:
    artifacts = [Artifact("b.zip", b"22", "b", "two", ("lib/a.jar",)), Artifact("a.zip", b"1", "a", "one")]
    made = manifest_of(artifacts)
    assert manifest_of(artifacts[::-1]) == made
    listed = json.loads(made)["artifacts"]
    assert [(each["name"], each["bytes"], each["use"], each["lacks"]) for each in listed] == [
        ("a.zip", 1, "one", []),
        ("b.zip", 2, "two", ["lib/a.jar"]),
    ]
