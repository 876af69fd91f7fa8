"""What docs/deploy.md says to do can be done: commands, files and outputs exist, and the environments are one."""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from infra.cost_document import estimate_of
from infra.release import IMAGE, PACKAGES
from schemas.pricing.sizes import Assumptions, Sizes
from tests.aws_commands import aws_commands, fault_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
TERRAFORM = ROOT / "infra" / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod")
# What an environment decides for itself; all else is the same text in each.
OWN = {"environment.auto.tfvars", "sizes.auto.tfvars.json", "release.auto.tfvars.json", "terraform.tfvars"}
# Written for the environment's own state.
OWN_STATE = {"backend.hcl", "backend.hcl.example", ".terraform.lock.hcl"}
# Source: Terraform CLI documentation, "Commands".
OPTIONS = {
    "init": {"-backend-config"},
    "plan": {"-out"},
    "apply": {"-var"},
    "output": {"-raw", "-json"},
    "destroy": set(),
}
# Commands that the AWS command line adds to those of the APIs.
ADDED = {("ecr", "get-login-password")}


def code() -> str:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    return "\n".join(blocks + re.findall(r"`((?:aws|terraform) [^`]*)`", TEXT))


def terraform_commands() -> list[list[str]]:
    joined = re.sub(r"\s*\\\n\s*", " ", code())
    found = re.findall(r"\bterraform (-chdir=[^\n)\"]*)", joined)
    return [shlex.split(command.partition(" > ")[0]) for command in found]


def variables_of(folder: Path) -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.tf"))
    return set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))


def test_every_aws_command_exists_with_its_options() -> None:
    # A command whose answer is kept stands behind `$(`.
    commands = aws_commands(TEXT) + [
        shlex.split(inner)[1:] for inner in re.findall(r"=\$\((aws [^()]*)\)", re.sub(r"\s*\\\n\s*", " ", TEXT))
    ]
    asked = [command[: command.index("|")] if "|" in command else command for command in commands]
    faults = [fault for command in asked if tuple(command[:2]) not in ADDED and (fault := fault_of(command))]
    assert not faults
    assert {tuple(command[:2]) for command in asked} >= {("ecr", "describe-images"), *ADDED}


def test_every_terraform_command_exists_with_its_options_folder_and_outputs() -> None:
    commands = terraform_commands()
    assert {command[1] for command in commands} == set(OPTIONS)
    for folder, name, *rest in commands:
        path = ROOT / folder.removeprefix("-chdir=")
        assert list(path.glob("*.tf")), folder
        options = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert options <= OPTIONS[name], (name, options)
        text = "\n".join(each.read_text(encoding="utf-8") for each in path.glob("*.tf"))
        if name == "output":
            [output] = [word for word in rest if not word.startswith("-")]
            assert f'output "{output}"' in text, output
        if name == "apply" and "-var" in options:
            given = [word.partition("=")[0] for before, word in pairwise(rest) if before == "-var"]
            assert set(given) == variables_of(path)
    plans = [word.removeprefix("-out=") for command in commands for word in command if word.startswith("-out=")]
    applied = [command[-1] for command in commands if command[1] == "apply" and command[-1].endswith(".tfplan")]
    assert plans == applied


def test_every_variable_and_output_that_the_page_names_exists() -> None:
    variables = variables_of(TERRAFORM / "envs" / "dev")
    for name in ("deployer_role_names", "trusted_principals", "require_mfa", "anomaly_monitor_arn", "ops_endpoints"):
        assert f"`{name}`" in TEXT and name in variables
    assert re.search(r"^subscriptions = \{$", TEXT, re.MULTILINE) and "subscriptions" in variables
    outputs = (TERRAFORM / "envs" / "dev" / "outputs.tf").read_text(encoding="utf-8")
    assert '"role_arns"' in outputs


def test_terraform_takes_what_a_release_writes() -> None:
    assert {*PACKAGES.values(), IMAGE} <= variables_of(TERRAFORM / "envs" / "dev")


def shared(environment: str) -> dict[str, str]:
    folder = TERRAFORM / "envs" / environment
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".terraform" not in path.parts and path.name not in OWN | OWN_STATE
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS[1:])
def test_environments_differ_in_sizes_and_names_alone(environment: str) -> None:
    assert shared(environment) == shared("dev")


def test_an_environment_has_the_variables_of_the_pipeline_and_hands_on_each() -> None:
    given = (TERRAFORM / "modules" / "pipeline" / "variables.tf").read_text(encoding="utf-8")
    assert shared("dev")["variables.tf"] == given
    main = shared("dev")["main.tf"]
    assert re.findall(r"^  (\w+)\s+= var\.\1$", main, re.MULTILINE) == re.findall(r'^variable "(\w+)"', given, re.M)
    assert "resource" not in "".join(text for name, text in shared("dev").items() if name.endswith(".tf"))


def test_an_environment_has_the_outputs_of_the_pipeline() -> None:
    outputs = re.compile(r'^output "(\w+)" \{\n  description = "(.*)"', re.MULTILINE)
    pipeline = (TERRAFORM / "modules" / "pipeline" / "outputs.tf").read_text(encoding="utf-8")
    assert outputs.findall(shared("dev")["outputs.tf"]) == outputs.findall(pipeline)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_environment_s_own_files_say_its_name_and_all_of_its_sizes(environment: str) -> None:
    folder = TERRAFORM / "envs" / environment
    assert re.search(rf'^name\s+= "clickstream-{environment}"$', (folder / "environment.auto.tfvars").read_text(), re.M)
    assert f'"clickstream-{environment}/terraform.tfstate"' in (folder / "backend.hcl.example").read_text()
    sizes = set(json.loads((folder / "sizes.auto.tfvars.json").read_bytes()))
    assert sizes == set(Sizes.__struct_fields__)
    assert sizes <= variables_of(folder)


def test_the_example_gives_what_has_no_value_yet() -> None:
    folder = TERRAFORM / "envs" / "dev"
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf")))
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)
    needed = {name for name, body in blocks if not re.search(r"^  default\s+=", body, re.MULTILINE)}
    own = (folder / "environment.auto.tfvars").read_text() + (folder / "terraform.tfvars.example").read_text()
    given = set(re.findall(r"^(\w+)\s+=", own, re.MULTILINE)) | set(Sizes.__struct_fields__)
    assert needed <= given <= {name for name, _ in blocks}


def test_the_network_has_the_endpoints_that_the_cost_counts() -> None:
    text = (TERRAFORM / "modules" / "pipeline" / "locals.tf").read_text(encoding="utf-8")
    found = re.search(r"interface_endpoints = concat\(\s*(\[[^\]]*\]),\s*var\.warehouse\.enabled \? (\[[^\]]*\])", text)
    assert found
    assert len(json.loads(found[1])) == Assumptions().interface_endpoints
    assert len(json.loads(found[2])) == 1


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_budget_lies_above_what_the_environment_is_reckoned_to_cost(environment: str) -> None:
    text = (TERRAFORM / "envs" / environment / "environment.auto.tfvars").read_text()
    found = re.search(r"^monthly_budget_usd\s+= (\d+)$", text, re.MULTILINE)
    assert found and estimate_of(environment).usd_month < int(found[1])


def test_the_state_s_bucket_gives_each_environment_its_backend() -> None:
    text = (TERRAFORM / "bootstrap" / "main.tf").read_text(encoding="utf-8")
    found = re.search(r"for environment in (\[[^\]]*\])", text)
    assert found and json.loads(found[1]) == list(ENVIRONMENTS)
