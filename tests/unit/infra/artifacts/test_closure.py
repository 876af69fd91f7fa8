from pathlib import Path

import pytest

from infra.artifacts.closure import Closure, closure_of
from infra.artifacts.errors import BuildError


def closure(root: Path, **files: str) -> Closure:
    """What `job/main.py` reaches; `a__b` names the file `a/b.py`."""
    for name, text in {"job__init": "", "shared__init": "", **files}.items():
        path = root / (name.replace("init", "_init_").replace("__", "/", 1).replace("_init_", "__init__") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return closure_of(root, [Path("job/main.py")], ["job", "shared"])


def names(found: Closure) -> list[str]:
    return [path.as_posix() for path in found.files]


def test_modules_are_followed_through_modules_and_bring_their_packages(tmp_path: Path) -> None:
    found = closure(
        tmp_path,
        job__main="from job.steps import go\n",
        job__steps="import shared.text\n",
        shared__text="",
        shared__unused="import nothing_that_exists\n",
    )
    assert names(found) == ["job/__init__.py", "job/main.py", "job/steps.py", "shared/__init__.py", "shared/text.py"]


def test_a_module_imported_from_its_package_is_told_from_a_name_in_it(tmp_path: Path) -> None:
    found = closure(tmp_path, job__main="from shared import VERSION, text\n", shared__text="")
    assert names(found) == ["job/main.py", "shared/__init__.py", "shared/text.py"]


def test_an_import_in_a_function_counts(tmp_path: Path) -> None:
    found = closure(
        tmp_path, job__main="def go():\n    if True:\n        import shared.late\n", shared__late="import other\n"
    )
    assert "shared/late.py" in names(found)
    assert found.packages == ("other",)


def test_a_package_in_a_namespace_is_named_with_it(tmp_path: Path) -> None:
    text = "from backports import zstd\nfrom backports.zstd import open\nimport backports.other.part\n"
    assert closure(tmp_path, job__main=text).packages == ("backports.other", "backports.zstd")


def test_an_import_for_types_alone_does_not_count(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import stubs\nelse:\n    import real\n"
    assert closure(tmp_path, job__main=text).packages == ("real",)


def test_the_standard_library_is_nobodys_package(tmp_path: Path) -> None:
    found = closure(
        tmp_path, job__main="import os.path\nimport json, botocore.config\nfrom __future__ import annotations\n"
    )
    assert found.packages == ("botocore",)


def test_modules_that_import_each_other_are_followed_once(tmp_path: Path) -> None:
    found = closure(tmp_path, job__main="import job.a\n", job__a="import job.b\n", job__b="import job.a\n")
    assert names(found) == ["job/__init__.py", "job/a.py", "job/b.py", "job/main.py"]


def test_every_text_of_the_source_is_known(tmp_path: Path) -> None:
    found = closure(
        tmp_path, job__main="clients = map(client, ('sns', 'sqs'))\nimport shared.s3\n", shared__s3="NAME = 's3'\n"
    )
    assert {"sns", "sqs", "s3"} <= found.texts


def test_a_package_of_ours_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import shared.text\n")
    with pytest.raises(BuildError, match=r"main\.py imports shared\.text, which is not below"):
        closure_of(tmp_path, [Path("main.py")], ["shared"])


def test_a_relative_import_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="relative import cannot be followed"):
        closure(tmp_path, job__main="from . import steps\n")


def test_files_that_are_no_modules_would_be_missed_and_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"job/main.py reads files beside the modules"):
        closure(tmp_path, job__main="from importlib.resources import files\n")
