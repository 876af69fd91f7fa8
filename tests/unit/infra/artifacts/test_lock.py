from pathlib import Path

import pytest

from infra.artifacts.errors import BuildError
from infra.artifacts.lock import Pin, pins_of

ROOT = Path(__file__).parents[4]
LOCK = """
version = 1

[[package]]
name = "boat"
version = "2.0"
dependencies = [{ name = "hull-kit" }]
wheels = [{ url = "https://index/boat-2.0-py3-none-any.whl", hash = "sha256:b0" }]

[[package]]
name = "hull-kit"
version = "1.1"
dependencies = [{ name = "boat" }]
wheels = [
    { url = "https://index/hull_kit-1.1-cp311-cp311-macosx_11_0_arm64.whl", hash = "sha256:a1" },
    { url = "https://index/hull_kit-1.1-cp311-cp311-manylinux_2_17_x86_64.whl", hash = "sha256:a2" },
]

[[package]]
name = "sail"
version = "1"
dependencies = [{ name = "winch", marker = "sys_platform == 'win32'" }]

[[package]]
name = "rope"
version = "1"

[[package]]
name = "rope"
version = "2"
"""


def test_a_package_comes_with_what_it_needs_in_the_locked_versions() -> None:
    assert pins_of(LOCK, ["boat"]) == [
        Pin("boat", "2.0", ("sha256:b0",), is_universal=True),
        Pin("hull-kit", "1.1", ("sha256:a1", "sha256:a2"), is_universal=False),
    ]


def test_a_requirement_admits_the_locked_wheels_alone() -> None:
    assert pins_of(LOCK, ["hull_kit"])[1].requirement == "hull-kit==1.1 --hash=sha256:a1 --hash=sha256:a2"


def test_a_package_that_is_not_locked_is_refused() -> None:
    with pytest.raises(BuildError, match=r"the source needs oar, of which uv\.lock has 0 versions"):
        pins_of(LOCK, ["oar"])


def test_a_package_with_two_versions_is_refused() -> None:
    with pytest.raises(BuildError, match=r"rope, of which uv\.lock has 2 versions"):
        pins_of(LOCK, ["rope"])


def test_a_dependency_that_is_not_needed_everywhere_is_refused() -> None:
    with pytest.raises(BuildError, match="sail needs winch only where sys_platform == 'win32'"):
        pins_of(LOCK, ["sail"])


def test_a_lock_file_of_another_form_is_refused() -> None:
    with pytest.raises(BuildError, match=r"uv\.lock has version 2"):
        pins_of("version = 2\n", ["boat"])


def test_boto3_is_locked_with_all_that_it_needs() -> None:
    pins = pins_of((ROOT / "uv.lock").read_text(), ["boto3"])
    assert [pin.name for pin in pins] == [
        "boto3",
        "botocore",
        "jmespath",
        "python-dateutil",
        "s3transfer",
        "six",
        "urllib3",
    ]
    assert all(pin.is_universal and pin.hashes for pin in pins)
