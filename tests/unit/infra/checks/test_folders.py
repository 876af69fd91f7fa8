from pathlib import Path

import pytest

from infra.checks.folders import chosen, folders_of, has_documents, has_tests, needs_provider, types_of, with_modules
from schemas.errors import ConfigError

PROVIDER = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    write("modules/facts/outputs.tf", "")
    write("modules/facts/tests/facts.tftest.hcl", "")
    write("modules/lake/versions.tf", PROVIDER)
    write(
        "modules/lake/main.tf",
        'module "facts" {\n  source = "../facts"\n}\nresource "aws_s3_bucket" "this" {\n}\n'
        'data "aws_iam_policy_document" "this" {\n}\n',
    )
    write("modules/pipeline/main.tf", 'module "lake" {\n  source = "../lake"\n}\n')
    write("modules/notes/README.md", "no Terraform")
    write("envs/dev/main.tf", 'module "pipeline" {\n  source = "../../modules/pipeline"\n}\n')
    write("bootstrap/main.tf", "")
    write("envs/dev/.terraform/modules/elsewhere/main.tf", 'resource "aws_kinesis_stream" "this" {\n}\n')
    return tmp_path


def test_modules_environments_and_what_is_before_them_are_found_by_their_files(root: Path) -> None:
    assert [folder.name for folder in folders_of(root)] == [
        "bootstrap",
        "envs/dev",
        "modules/facts",
        "modules/lake",
        "modules/pipeline",
    ]


def test_where_none_is_named_all_are_chosen(root: Path) -> None:
    assert chosen(folders_of(root), []) == folders_of(root)


def test_a_folder_is_chosen_by_whole_name_last_part_or_path(root: Path) -> None:
    names = ["modules/facts", "lake/", str(root / "envs" / "dev")]
    found = [folder.name for folder in chosen(folders_of(root), names)]
    assert found == ["envs/dev", "modules/facts", "modules/lake"]


def test_every_name_of_no_folder_is_told_with_those_that_there_are(root: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        chosen(folders_of(root), ["lake", "leak", "prod"])
    assert [fault.split(";")[0] for fault in raised.value.faults] == [
        "there is no module or environment 'leak'",
        "there is no module or environment 'prod'",
    ]
    assert "modules/lake" in raised.value.faults[0]


def test_modules_are_followed_through_others(root: Path) -> None:
    reached = with_modules(root / "envs" / "dev")
    assert sorted(path.name for path in reached) == ["dev", "facts", "lake", "pipeline"]


def test_a_provider_is_needed_where_anything_inside_needs_it(root: Path) -> None:
    needing = {folder.name for folder in folders_of(root) if needs_provider(folder)}
    assert needing == {"envs/dev", "modules/lake", "modules/pipeline"}


def test_types_are_those_of_the_source_and_not_of_what_terraform_keeps(root: Path) -> None:
    types = types_of(with_modules(root / "envs" / "dev"))
    assert types == ["data:aws_iam_policy_document", "resource:aws_s3_bucket"]


def test_documents_and_tests_are_told_by_the_folder_s_own_files(root: Path) -> None:
    folders = folders_of(root)
    assert [folder.name for folder in folders if has_documents(folder)] == ["modules/lake"]
    assert [folder.name for folder in folders if has_tests(folder)] == ["modules/facts"]
