"""The alert job and the function for dropped files understand what Terraform tells them, and alert the same."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.checks import terraform_checks
from infra.checks.__main__ import ROOT
from infra.checks.answers import test_answer
from infra.checks.folders import folders_of, types_of, with_modules
from infra.checks.running import run_tool
from infra.checks.tools import Tools, UnavailableError, cache_folder
from schemas.settings import Settings, load_settings
from stream_jobs.application_properties import JobProperties, parse
from stream_jobs.rules import Condition, Rule, rules_of

# On a bare machine it waits for the tools.
pytestmark = pytest.mark.timeout(1200)

WORKER = Path(terraform_checks.__file__).with_name("workers") / "terraform_worker.py"
KEY = "arn:aws:kms:us-east-1:123456789012:key/a"
MAIN = f"""
terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

locals {{
  bucket = {{ name = "clickstream-test-a", arn = "arn:aws:s3:::clickstream-test-a" }}
}}

module "alerts" {{
  source              = "../../modules/alerts"
  name                = "clickstream-test"
  messaging_key_arn   = "{KEY}"
  publisher_role_arns = ["arn:aws:iam::123456789012:role/a"]
  rule_topics         = ["LargeOrders"]
  alert_rules = {{
    big      = {{ event_type = "purchase", where = "amount_minor >= 9 and currency in EUR,CHF", topic = "LargeOrders" }}
    campaign = {{ event_type = "purchase", where = "campaign = 'black; friday'", topic = "LargeOrders" }}
    joined   = {{ event_type = "signup", topic = "PurchaseAlerts" }}
  }}
}}

module "stream_job" {{
  source                = "../../modules/stream_job"
  name                  = "clickstream-test"
  artifacts_bucket      = local.bucket
  package_key           = "alerts/a.zip"
  stream_arn            = "arn:aws:kinesis:us-east-1:123456789012:stream/clickstream-test-events"
  topic_arns            = module.alerts.topic_arns
  alert_rules           = module.alerts.alert_rules
  alert_types           = TYPES
  max_alert_age         = "7d"
  properties            = {{ alerts = {{ dedupe_hours = "48" }} }}
  dead_letter_queue_arn = module.alerts.dead_letter_queue_arn
  dead_letter_queue_url = module.alerts.dead_letter_queue_url
  curated_bucket        = local.bucket
  stream_key_arn        = "{KEY}"
  messaging_key_arn     = "{KEY}"
  lake_key_arn          = "{KEY}"
  logs_key_arn          = "{KEY}"
}}

module "dropped_files" {{
  source                = "../../modules/dropped_files"
  name                  = "clickstream-test"
  raw_bucket            = local.bucket
  curated_bucket        = local.bucket
  artifacts_bucket      = local.bucket
  package_key           = "dropped-files/a.zip"
  topic_arns            = module.alerts.topic_arns
  alert_rules           = module.alerts.alert_rules
  alert_types           = TYPES
  max_alert_age         = "7d"
  dead_letter_queue_arn = module.alerts.dead_letter_queue_arn
  dead_letter_queue_url = module.alerts.dead_letter_queue_url
  messaging_key_arn     = "{KEY}"
  lake_key_arn          = "{KEY}"
  logs_key_arn          = "{KEY}"
  subnet_ids            = ["subnet-a"]
  security_group_id     = "sg-a"
}}
"""
TOPIC = "arn:aws:sns:us-east-1:123456789012:clickstream-test-"
RULES = [
    Rule(
        "big",
        "purchase",
        (Condition("amount_minor", ">=", ("9",)), Condition("currency", "in", ("EUR", "CHF"))),
        f"{TOPIC}LargeOrders",
    ),
    Rule("campaign", "purchase", (Condition("campaign", "=", ("black; friday",)),), f"{TOPIC}LargeOrders"),
    Rule("joined", "signup", (), f"{TOPIC}PurchaseAlerts"),
]


def applied(tmp_path: Path, types: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what was made, by type: the values of the one resource of each type that is looked at."""
    shutil.copytree(ROOT / "modules", tmp_path / "modules")
    path = tmp_path / "envs" / "a"
    (path / "tests").mkdir(parents=True)
    (path / "main.tf").write_text(MAIN.replace("TYPES", types), encoding="utf-8")
    (path / "tests" / "a.tftest.hcl").write_text('run "apply" {\n  command = apply\n}\n', encoding="utf-8")
    [folder] = [each for each in folders_of(tmp_path) if each.name == "envs/a"]
    tools = Tools(cache_folder(os.environ))
    try:
        python, provider = tools.python("terraform"), tools.provider(types_of(with_modules(folder.path)))
    except UnavailableError as error:
        pytest.skip(str(error))
    if not provider.can_apply:
        pytest.skip("nothing can be applied: the provider is the registry's")
    told, commands = tmp_path / "answers", (["get"], ["test", "-json", "-verbose"])
    run_tool(
        [python, WORKER, told, path, *map(json.dumps, commands)],
        dict(provider.variables) | {"TF_DATA_DIR": str(tmp_path / "data")},
    )
    answer = test_answer(json.loads(told.read_text(encoding="utf-8").splitlines()[-1])["out"])
    assert answer.passed == 1, answer.text
    return {found["type"]: found["values"] for found in resources(answer.states[-1]["root_module"])}


def resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from resources(child)


def told_to_both(tmp_path: Path, types: str) -> tuple[JobProperties, Settings]:
    made = applied(tmp_path, types)
    configuration = made["aws_kinesisanalyticsv2_application"]["application_configuration"][0]
    groups = [
        {"PropertyGroupId": group["property_group_id"], "PropertyMap": group["property_map"]}
        for group in configuration["environment_properties"][0]["property_group"]
    ]
    variables = made["aws_lambda_function"]["environment"][0]["variables"]
    return parse(json.dumps(groups).encode()), load_settings(variables, tmp_path)


def test_both_alert_purchases_and_by_the_rules_that_were_given(tmp_path: Path) -> None:
    job, function = told_to_both(tmp_path, '["purchase"]')
    assert list(job.rules.all) == [Rule("purchase", "purchase", (), f"{TOPIC}PurchaseAlerts"), *RULES]
    assert rules_of(function) == job.rules
    assert function.max_alert_age == job.settings.max_alert_age == "7d"
    assert function.stream == job.settings.stream == "clickstream-test-events"
    assert function.dead_letter_queue_url == job.settings.dead_letter_queue_url
    assert function.dropped_files_table == "clickstream-test-dropped-files"
    assert job.dedupe_hours == 48


def test_both_alert_by_the_rules_alone_where_no_types_are_given(tmp_path: Path) -> None:
    job, function = told_to_both(tmp_path, "[]")
    assert list(job.rules.all) == RULES
    assert rules_of(function) == job.rules
