"""What the deployment page, the properties and the jar's recipe say is what the code and the AWS APIs know."""

import json
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from botocore.validate import validate_parameters

from infra import deployment
from infra.artifacts.packages import JAR, POM, RUN_OPTIONS
from infra.facts import facts
from schemas.lake import RAW_PREFIX
from schemas.settings import load_settings
from stream_jobs import claims
from stream_jobs.application_properties import PROPERTIES, RULES_GROUP, RUN_OPTIONS_GROUP, parse
from stream_jobs.connector import MAVEN_COORDINATES
from stream_jobs.documents import DOCUMENT, with_table
from tests.aws_calls.actions import actions_of_package
from tests.aws_commands import aws_commands, fault_of, service

ROOT = Path(__file__).parents[2]
TEXT = DOCUMENT.read_text(encoding="utf-8")
# `aws s3` is the command line's own, and of no API.
COMMANDS = [command for command in aws_commands(TEXT) if command[0] != "s3"]
REFERENCE = ROOT / "stream_jobs" / "msf" / "application_properties.json"
# What a service asks for beside what the programs call: to fetch code, to read a queue, to write logs.
BESIDE = re.compile(r"logs:.*|s3:GetObjectVersion|s3:ListBucket|sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)")


def block(name: str) -> Any:
    """The JSON that the page shows under a file name."""
    found = re.search(rf"`{re.escape(name)}`[^`]*```json\n(.*?)```", TEXT, re.DOTALL)
    assert found, name
    return json.loads(found[1])


def reference() -> dict[str, dict[str, str]]:
    return {group["PropertyGroupId"]: group["PropertyMap"] for group in json.loads(REFERENCE.read_bytes())}


def test_the_page_has_the_properties_as_the_code_defines_them() -> None:
    assert with_table(TEXT) == TEXT


def test_the_reference_has_every_property_and_no_other() -> None:
    given = {(group, key) for group, keys in reference().items() for key in keys}
    defined = {(spec.group, spec.key) for spec in PROPERTIES}
    assert {pair for pair in given if pair[0] not in (RUN_OPTIONS_GROUP, RULES_GROUP)} == defined
    assert reference()[RULES_GROUP]


def test_the_reference_shows_the_defaults_and_is_accepted() -> None:
    for spec in PROPERTIES:
        if spec.default is not None:
            assert reference()[spec.group][spec.key] == spec.default, f"{spec.group}/{spec.key}"
    assert [rule.name for rule in parse(REFERENCE.read_bytes()).rules.all] == ["purchase", "large-orders"]


def test_the_reference_names_the_files_that_the_package_has() -> None:
    assert reference()[RUN_OPTIONS_GROUP] == RUN_OPTIONS


def test_the_service_takes_the_reference_and_the_application_as_they_are_shown() -> None:
    msf = service("kinesisanalyticsv2")
    validate_parameters(block("application.json"), msf.operation_model("CreateApplication").input_shape)
    update = {"EnvironmentPropertyUpdates": {"PropertyGroups": json.loads(REFERENCE.read_bytes())}}
    validate_parameters(update, msf.shape_for("ApplicationConfigurationUpdate"))
    assert block("application.json")["RuntimeEnvironment"] in msf.shape_for("RuntimeEnvironment").enum


def test_the_function_gets_what_lambda_and_the_settings_take() -> None:
    environment = block("environment.json")
    validate_parameters(environment, service("lambda").shape_for("Environment"))
    load_settings(environment["Variables"], ROOT / "no folder")
    validate_parameters(
        {"QueueName": "a", "Attributes": block("queue.json")}, service("sqs").operation_model("CreateQueue").input_shape
    )


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_the_page_has_the_times_and_sizes_of_the_deployment() -> None:
    [function] = [command for command in COMMANDS if command[:2] == ["lambda", "create-function"]]
    assert option(function, "--timeout") == str(deployment.FUNCTION_TIMEOUT_S)
    assert option(function, "--memory-size") == str(deployment.FUNCTION_MEMORY_MIB)
    assert option(function, "--architectures") == deployment.FUNCTION_ARCHITECTURE
    known = facts()
    assert option(function, "--runtime") == known["runtimes"]["python"]
    assert option(function, "--handler") == known["handlers"]["dropped_files"]
    [mapping] = [command for command in COMMANDS if command[:2] == ["lambda", "create-event-source-mapping"]]
    assert option(mapping, "--batch-size") == str(deployment.FUNCTION_BATCH_SIZE)
    queue = block("queue.json")
    assert queue["VisibilityTimeout"] == str(deployment.FUNCTION_VISIBILITY_S)
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == deployment.FUNCTION_MAX_RECEIVES
    [table] = [command for command in COMMANDS if command[:2] == ["dynamodb", "create-table"]]
    assert option(table, "--key-schema") == f"AttributeName={claims.KEY},KeyType=HASH"
    [lived] = [command for command in COMMANDS if command[:2] == ["dynamodb", "update-time-to-live"]]
    assert option(lived, "--time-to-live-specification") == f"Enabled=true,AttributeName={claims.TIME_TO_LIVE}"


def test_the_application_has_the_checkpoints_and_the_parallelism_of_the_deployment() -> None:
    application = block("application.json")
    assert application["RuntimeEnvironment"] == deployment.FLINK_RUNTIME
    flink = application["ApplicationConfiguration"]["FlinkApplicationConfiguration"]
    checkpoints = flink["CheckpointConfiguration"]
    assert checkpoints["CheckpointInterval"] == deployment.CHECKPOINT_INTERVAL_MS
    assert checkpoints["MinPauseBetweenCheckpoints"] == deployment.MIN_PAUSE_BETWEEN_CHECKPOINTS_MS
    assert flink["ParallelismConfiguration"]["ParallelismPerKPU"] == deployment.PARALLELISM_PER_KPU
    assert f"namespace `{deployment.FLINK_NAMESPACE}`, dimension `{deployment.FLINK_DIMENSION}`" in TEXT


def test_the_function_s_queue_hides_a_message_for_six_invocations_and_is_behind_a_queue_that_the_page_makes() -> None:
    [create] = [command for command in COMMANDS if command[:2] == ["lambda", "create-function"]]
    timeout_s = int(create[create.index("--timeout") + 1])
    queue = block("queue.json")
    assert int(queue["VisibilityTimeout"]) >= 6 * timeout_s
    made = [command[command.index("--queue-name") + 1] for command in COMMANDS if "create-queue" in command]
    dead_arn = json.loads(queue["RedrivePolicy"])["deadLetterTargetArn"]
    assert made[-2:] == [dead_arn.rpartition(":")[2], dead_arn.rpartition(":")[2].removesuffix("-dead")]


def test_the_function_s_queue_takes_what_the_raw_bucket_and_the_rule_send() -> None:
    statements = json.loads(block("queue.json")["Policy"])["Statement"]
    queue_arn = statements[0]["Resource"]
    bucket = block("environment.json")["Variables"]["CLICKSTREAM_RAW_BUCKET"]
    sources = {
        each["Principal"]["Service"]: next(iter(each["Condition"].values()))["aws:SourceArn"] for each in statements
    }
    assert sources == {
        "s3.amazonaws.com": f"arn:aws:s3:::{bucket}",
        "events.amazonaws.com": "arn:aws:events:eu-central-1:123456789012:rule/clickstream-dropped-files",
    }
    assert {(each["Action"], each["Resource"]) for each in statements} == {("sqs:SendMessage", queue_arn)}
    [target] = [command for command in COMMANDS if command[:2] == ["events", "put-targets"]]
    assert target[-1].endswith(queue_arn)

    notification, pattern = block("notification.json"), block("pattern.json")
    input_shape = service("s3").operation_model("PutBucketNotificationConfiguration").input_shape
    validate_parameters({"Bucket": bucket, "NotificationConfiguration": notification}, input_shape)
    [told] = notification["QueueConfigurations"]
    assert told["QueueArn"] == queue_arn
    assert told["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": RAW_PREFIX}]
    assert pattern["detail"] == {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": RAW_PREFIX}]}}


def test_every_aws_command_on_the_page_exists_with_its_options() -> None:
    assert len(COMMANDS) > 10
    assert [fault for command in COMMANDS if (fault := fault_of(command))] == []


def test_the_command_inside_of_a_command_exists_too() -> None:
    inner = [shlex.split(found)[0] for found in re.findall(r"\$\(aws kinesisanalyticsv2 ([^()]*)\)", TEXT)]
    assert inner == ["describe-application"]


def actions(policy: Any) -> set[str]:
    found: set[str] = set()
    for statement in policy["Statement"]:
        named = statement["Action"]
        found.update([named] if isinstance(named, str) else named)
    return found


@pytest.mark.parametrize(
    ("policy", "entry"),
    [
        ("role-policy.json", "stream_jobs/msf/main.py"),
        ("function-policy.json", "stream_jobs/lambda_handler.py"),
        ("letters-policy.json", "stream_jobs/dead_letters_cli.py"),
    ],
)
def test_a_role_may_what_its_program_calls_and_no_more(policy: str, entry: str) -> None:
    allowed = actions(block(policy))
    needed = actions_of_package(ROOT, entry)
    assert needed <= allowed
    assert {action for action in allowed - needed if not BESIDE.fullmatch(action)} <= {"s3:GetObject"}


@pytest.fixture(scope="module")
def pom() -> ET.Element:
    return ET.parse(ROOT / POM).getroot()  # noqa: S314 (ours)


NAMESPACE = {"m": "http://maven.apache.org/POM/4.0.0"}


def test_the_jar_is_made_of_the_connector_that_the_code_and_the_page_name(pom: ET.Element) -> None:
    (dependency,) = pom.findall("m:dependencies/m:dependency", NAMESPACE)
    version = pom.findtext("m:properties/m:connector.version", "", NAMESPACE)
    assert dependency.findtext("m:version", "", NAMESPACE) == "${connector.version}"
    parts = [dependency.findtext(f"m:{name}", "", NAMESPACE) for name in ("groupId", "artifactId")]
    assert ":".join([*parts, version]) == MAVEN_COORDINATES
    assert MAVEN_COORDINATES in TEXT


def test_the_jar_has_the_name_that_the_package_gives_it_and_joins_service_files(pom: ET.Element) -> None:
    assert f"{pom.findtext('m:build/m:finalName', '', NAMESPACE)}.jar" == Path(JAR).name
    transformers = [node.get("implementation", "") for node in pom.iter(f"{{{NAMESPACE['m']}}}transformer")]
    assert "org.apache.maven.plugins.shade.resource.ServicesResourceTransformer" in transformers


def test_the_jar_brings_nothing_that_flink_brings(pom: ET.Element) -> None:
    excluded = {node.text for node in pom.iter(f"{{{NAMESPACE['m']}}}exclude")}
    assert {"org.apache.flink:flink-core*", "org.apache.flink:flink-connector-base", "org.slf4j:*"} <= excluded
