"""What the deployment page, the properties and the jar's recipe say is what the code and the AWS APIs know."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from botocore.validate import validate_parameters

from infra import deployment
from infra.artifacts.packages import JAR, POM, RUN_OPTIONS
from stream_jobs.application_properties import PROPERTIES, RULES_GROUP, RUN_OPTIONS_GROUP, parse
from stream_jobs.connector import MAVEN_COORDINATES
from stream_jobs.documents import DOCUMENT, with_table
from tests.aws_commands import aws_commands, fault_of, service

ROOT = Path(__file__).parents[2]
TEXT = DOCUMENT.read_text(encoding="utf-8")
# `aws s3` is the command line's own, and of no API.
COMMANDS = [command for command in aws_commands(TEXT) if command[0] != "s3"]
REFERENCE = ROOT / "stream_jobs" / "msf" / "application_properties.json"


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


def test_the_service_takes_the_reference_and_the_runtime() -> None:
    msf = service("kinesisanalyticsv2")
    update = {"EnvironmentPropertyUpdates": {"PropertyGroups": json.loads(REFERENCE.read_bytes())}}
    validate_parameters(update, msf.shape_for("ApplicationConfigurationUpdate"))
    assert deployment.FLINK_RUNTIME in msf.shape_for("RuntimeEnvironment").enum


def test_the_page_has_the_times_and_sizes_of_the_deployment() -> None:
    table = dict(re.findall(r"^\| (.*?) \| (.*?) \|", TEXT[TEXT.index("### The times hang together") :], re.MULTILINE))
    assert table["the function's timeout"] == f"{deployment.FUNCTION_TIMEOUT_S} s"
    assert table["`VisibilityTimeout`"] == f"{deployment.FUNCTION_VISIBILITY_S} s, six times the timeout"
    assert deployment.FUNCTION_VISIBILITY_S == 6 * deployment.FUNCTION_TIMEOUT_S
    assert table["`maxReceiveCount`"] == str(deployment.FUNCTION_MAX_RECEIVES)
    assert f"{deployment.FUNCTION_MEMORY_MIB:,} MB is one whole CPU" in TEXT
    assert f"`ParallelismPerKPU` stays at {deployment.PARALLELISM_PER_KPU}" in TEXT
    assert f"namespace `{deployment.FLINK_NAMESPACE}`, dimension `{deployment.FLINK_DIMENSION}`" in TEXT


def test_every_aws_command_on_the_page_exists_with_its_options() -> None:
    assert {command[1] for command in COMMANDS} >= {"stop-application", "create-application-presigned-url"}
    assert [fault for command in COMMANDS if (fault := fault_of(command))] == []


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
