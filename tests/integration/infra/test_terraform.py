"""Every module and environment passes every check, and a broken one is told.

Skips by name what cannot be checked for want of Terraform, of its provider or of checkov.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks.__main__ import ROOT
from infra.checks.checking import check_folders
from infra.checks.checkov_checks import check_sources
from infra.checks.folders import Folder, folders_of
from infra.checks.outcomes import Check, Outcome, lines_of
from infra.checks.policy_checks import check_documents
from infra.checks.terraform_checks import examiner
from infra.checks.tools import Provider, Tools, UnavailableError, cache_folder

FOLDERS = folders_of(ROOT)
# The first test waits for all folders, and on a bare machine for the tools.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools(cache_folder(os.environ))


@pytest.fixture(scope="module")
def checks(tools: Tools) -> list[Check]:
    return check_folders(ROOT, FOLDERS, tools)


def skip_unchecked(checks: list[Check]) -> None:
    left = [check for check in checks if check.outcome is Outcome.UNCHECKED]
    if left:
        pytest.skip("; ".join(f"{check.folder} {check.name}: {check.text.splitlines()[0]}" for check in left))


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_a_folder_passes_every_check(folder: Folder, checks: list[Check]) -> None:
    own = [check for check in checks if check.folder == folder.name]
    failed = [lines_of(check) for check in own if check.outcome is Outcome.FAILED]
    assert not failed, "\n" + "\n".join(failed)
    skip_unchecked(own)
    assert {"fmt", "get", "validate", "test", "checkov"} <= {check.name for check in own}


Write = Callable[[str, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "terraform"


@pytest.fixture
def write(root: Path) -> Write:
    def written(name: str, text: str) -> None:
        path = root / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return written


def examined(root: Path, tools: Tools, *, applies: bool = False) -> dict[str, Check]:
    """Return what Terraform and the linter say of the one folder that there is."""
    if applies:
        try:
            provider = tools.provider([])
        except UnavailableError as error:
            pytest.skip(str(error))
        if not provider.can_apply:
            pytest.skip("tests cannot apply: the provider is the registry's")
    [folder] = folders_of(root)
    found = examiner(root, [folder], tools)(folder)
    skip_unchecked(list(found.checks))
    documents = check_documents({folder: found.documents or ()}, tools)
    return {check.name: check for check in (*found.checks, *documents)}


def test_what_is_badly_formatted_or_fails_its_test_is_told_with_its_place(
    write: Write, root: Path, tools: Tools
) -> None:
    write("a/main.tf", 'variable "a" {\n  type=string\n}\noutput "a" {\n  value = var.a\n}\n')
    write(
        "a/tests/a.tftest.hcl",
        'variables {\n  a = "x"\n}\nrun "a_is_y" {\n  command = plan\n  assert {\n'
        '    condition     = output.a == "y"\n    error_message = "It is not y."\n  }\n}\n',
    )
    checks = examined(root, tools)
    assert checks["fmt"].outcome is Outcome.FAILED and "main.tf" in checks["fmt"].text
    assert checks["validate"].outcome is Outcome.PASSED
    assert checks["test"].outcome is Outcome.FAILED
    assert 'tests/a.tftest.hcl:7: run "a_is_y": error: Test assertion failed' in checks["test"].text
    assert "It is not y." in checks["test"].text
    assert not (root / "modules" / "a" / ".terraform").exists()


def test_what_is_not_valid_is_told_and_not_tested(write: Write, root: Path, tools: Tools) -> None:
    write("a/main.tf", 'output "a" {\n  value = var.b\n}\n')
    checks = examined(root, tools)
    assert checks["validate"].outcome is Outcome.FAILED
    assert "main.tf:2: error: Reference to undeclared input variable" in checks["validate"].text
    assert "test" not in checks


def test_a_folder_without_tests_has_failed(write: Write, root: Path, tools: Tools) -> None:
    write("a/main.tf", 'output "a" {\n  value = 1\n}\n')
    check = examined(root, tools)["test"]
    assert (check.outcome, check.text) == (Outcome.FAILED, "there are no tests: write tests/*.tftest.hcl")


def test_with_the_registry_s_provider_no_test_is_run_and_nothing_is_written_beside_the_source(
    write: Write, root: Path, tmp_path: Path, tools: Tools
) -> None:
    class Registry(Tools):
        def provider(self, types: object) -> Provider:
            return Provider(tools.without_provider().variables, can_apply=False)

    # Named and not needed, so that there is nothing to get.
    write("a/main.tf", 'output "a" {\n  value = ["hashicorp/aws", file("${path.module}/../../../text")]\n}\n')
    (tmp_path / "text").write_text("of the project", encoding="utf-8")
    write("a/tests/a.tftest.hcl", 'run "a" {\n}\n')
    try:
        tools.python("terraform")
    except UnavailableError as error:
        pytest.skip(str(error))
    folders = folders_of(root)
    before = sorted(tmp_path.rglob("*"))
    found = examiner(root, folders, Registry(cache_folder(os.environ)))(folders[0])
    assert [(check.name, check.outcome) for check in found.checks] == [
        ("fmt", Outcome.PASSED),
        ("init", Outcome.PASSED),
        ("validate", Outcome.PASSED),
        ("test", Outcome.UNCHECKED),
    ]
    assert found.documents is None
    assert sorted(tmp_path.rglob("*")) == before


VERSIONS = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'
ROLE = """
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Publish"
    actions   = ["sns:Publishh", "sqs:*"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "a"
  role   = "b"
  policy = data.aws_iam_policy_document.this.json
}
"""
APPLY = 'run "apply" {\n  command = apply\n}\n'


def test_a_policy_that_allows_too_much_or_what_is_not_there_is_told(write: Write, root: Path, tools: Tools) -> None:
    write("a/main.tf", VERSIONS + ROLE)
    write("a/tests/a.tftest.hcl", APPLY)
    check = examined(root, tools, applies=True)["iam"]
    assert check.outcome is Outcome.FAILED
    where = "aws_iam_role_policy.this.policy: "
    assert f"{where}Publish: sqs:* has a wildcard" in check.text
    assert f"{where}Publish: sns:Publishh on every resource" in check.text
    assert f"{where}UNKNOWN_ACTION" in check.text


def test_a_condition_on_what_an_action_does_not_have_is_told(write: Write, root: Path, tools: Tools) -> None:
    condition = """    condition {
      test     = "StringEquals"
      variable = "KEY"
      values   = ["a"]
    }
"""
    at = ROLE.index('    resources = ["*"]')
    role = ROLE[:at].replace("sns:Publishh", "sns:Publish").replace(', "sqs:*"', "") + (
        '    resources = ["arn:aws:sns:us-east-1:123456789012:a"]\n' + condition + ROLE[ROLE.index("  }\n}") :]
    )
    write("a/main.tf", VERSIONS + role.replace("KEY", "s3:prefix"))
    write("a/tests/a.tftest.hcl", APPLY)
    assert "UNKNOWN_CONDITION_FOR_ACTION" in examined(root, tools, applies=True)["iam"].text
    write("a/main.tf", VERSIONS + role.replace("KEY", "lambda:SourceFunctionArn"))
    assert examined(root, tools, applies=True)["iam"].outcome is Outcome.PASSED


def test_a_policy_that_no_test_makes_is_told(write: Write, root: Path, tools: Tools) -> None:
    write("a/main.tf", VERSIONS + ROLE)
    write("a/tests/a.tftest.hcl", APPLY.replace("apply\n", "plan\n"))
    check = examined(root, tools, applies=True)["iam"]
    assert check.outcome is Outcome.FAILED
    assert "no run of the tests applies" in check.text


def test_an_argument_and_a_type_that_the_provider_does_not_have_are_told(
    write: Write, root: Path, tools: Tools
) -> None:
    write("a/main.tf", VERSIONS + 'resource "aws_sns_topic" "this" {\n  nom = "a"\n}\n')
    write("b/main.tf", VERSIONS + 'resource "aws_sns_topik" "this" {\n  name = "a"\n}\n')
    folders = folders_of(root)
    examine = examiner(root, folders, tools)
    checks = [check for folder in folders for check in examine(folder).checks]
    skip_unchecked(checks)
    told = {check.folder: check.text for check in checks if check.name == "validate"}
    assert "Unsupported argument" in told["modules/a"]
    assert "Invalid resource type" in told["modules/b"]


def test_what_checkov_finds_is_told_and_passed_over_only_for_a_reason(write: Write, root: Path, tools: Tools) -> None:
    topic = 'resource "aws_sns_topic" "this" {\n  name = "a"\n}\n'
    skipped = topic.replace("{\n", "{\n  #checkov:skip=CKV_AWS_26:{}\n", 1)
    write("a/main.tf", VERSIONS + topic)
    write("b/main.tf", VERSIONS + skipped.replace("{}", "nothing that is secret goes through it"))
    write("c/main.tf", VERSIONS + skipped.replace("{}", "no"))
    checks = check_sources(root, folders_of(root), tools)
    skip_unchecked(checks)
    found = {check.folder: check for check in checks}
    assert found["modules/a"].outcome is Outcome.FAILED and "main.tf:8: CKV_AWS_26: " in found["modules/a"].text
    assert (found["modules/b"].outcome, found["modules/b"].text) == (Outcome.PASSED, "1 passed over")
    assert found["modules/c"].text == "modules/c/main.tf:9: CKV_AWS_26 is passed over without a reason"
