import pytest
from packaging import tags

from infra.artifacts.errors import BuildError
from infra.artifacts.wheelhouse import GLUE, Machine, requirements_for, zip_of_wheels

EXPORTED = """\
# made by uv
msgspec==0.22.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
numpy==2.1.3 ; python_full_version < '3.12' \\
    --hash=sha256:cc
numpy==2.2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:ee
uvloop==1.0 ; platform_machine == 'x86_64' and implementation_name == 'cpython' \\
    --hash=sha256:ff
"""


def test_requirements_are_those_of_the_machine_with_all_their_hashes() -> None:
    assert requirements_for(GLUE, EXPORTED) == [
        "msgspec==0.22.0 --hash=sha256:aa --hash=sha256:bb",
        "numpy==2.1.3 --hash=sha256:cc",
        "uvloop==1.0 --hash=sha256:ff",
    ]
    assert requirements_for(Machine("3.12", "aarch64", 34), EXPORTED) == [
        "msgspec==0.22.0 --hash=sha256:aa --hash=sha256:bb",
        "numpy==2.2.0 --hash=sha256:dd",
    ]


def test_platforms_are_those_that_run_on_the_glibc_of_the_machine() -> None:
    platforms = GLUE.platforms
    assert platforms[0] == "manylinux_2_34_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux1_x86_64"} < set(
        platforms
    )
    assert "manylinux_2_35_x86_64" not in platforms
    # As tags, they are what packaging makes of them.
    assert tags.Tag("cp311", "cp311", "manylinux_2_28_x86_64") in set(tags.cpython_tags((3, 11), platforms=platforms))


def test_a_zip_of_own_wheels_names_them_as_an_installer_does() -> None:
    assert zip_of_wheels(GLUE, [], {"clickstream_pipeline-0.1.0-py3-none-any.whl": b"PK"}) == {
        "wheels/requirements.txt": b"clickstream-pipeline==0.1.0\n",
        "wheels/clickstream_pipeline-0.1.0-py3-none-any.whl": b"PK",
    }


def test_what_pip_refuses_is_told() -> None:
    with pytest.raises(BuildError, match="pip cannot get the wheels for Machine"):
        zip_of_wheels(GLUE, ["no requirement"], {})
