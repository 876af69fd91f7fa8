"""Trino's configuration as text: one server for this machine alone, with both connectors on the emulated Glue and S3.

Catalog `awsdatacatalog` is the Hive connector, which hands Iceberg tables to catalog `iceberg`, and the reverse: one
name reads both kinds of table, as on Athena. Credentials are named, not written: Trino takes them from its environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.errors import ConfigError

HOST = "127.0.0.1"
HIVE, ICEBERG = "awsdatacatalog", "iceberg"
# Rows that the server makes itself. It says that it has started a few seconds before any catalog can be read, and all
# can be at once; this one needs no table.
READINESS = "readiness"
PROBE = f"SELECT count(*) FROM {READINESS}.tiny.region"  # noqa: S608 (a name of ours)
MAIN_CLASS = "io.trino.server.TrinoServer"
# Enough for the tables of one machine. The second compiler is left out: it would warm up for longer than is saved.
_JVM = (
    "-server",
    "-Xmx1G",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:ReservedCodeCacheSize=256M",
    "-XX:-UsePerfData",
    "-Djdk.attach.allowAttachSelf=true",
    "-Djdk.nio.maxCachedBufferSize=2000000",
    "-Duser.timezone=UTC",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


def endpoints_of(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the endpoints of (Glue, S3).

    Raises:
        ConfigError: there are none, or no region or credentials beside them.
    """
    needed = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    faults = [f"{name} is not set, and Trino needs it" for name in needed if not environment.get(name)]
    found = []
    for service in ("GLUE", "S3"):
        endpoint = environment.get(f"AWS_ENDPOINT_URL_{service}") or environment.get("AWS_ENDPOINT_URL")
        if not endpoint:
            faults.append(f"neither AWS_ENDPOINT_URL nor AWS_ENDPOINT_URL_{service} is set: Trino is for emulated AWS")
        found.append(endpoint or "")
    if faults:
        raise ConfigError(faults)
    return found[0], found[1]


def configuration(environment: Mapping[str, str], port: int, server: Path, etc: Path) -> dict[str, str]:
    """Return the files of the configuration, name -> text.

    Args:
        environment: where Glue and S3 are.
        port: of the server.
        server: where it is installed.
        etc: the folder for the files.

    Raises:
        ConfigError: the environment does not say.
    """
    glue, s3 = endpoints_of(environment)
    shared = _storage(glue, s3)
    return {
        "config.properties": _lines(
            {
                "node.environment": "local",
                "node.id": "local",
                "node.bind-ip": HOST,
                "node.internal-address": HOST,
                "coordinator": "true",
                "node-scheduler.include-coordinator": "true",
                "http-server.http.port": str(port),
                "discovery.uri": f"http://{HOST}:{port}",
                # It would go to the folder that Trino is started from, two lines a second.
                "http-server.log.enabled": "false",
                "plugin.dir": f"{server}/plugin",
                "catalog.config-dir": f"{etc}/catalog",
                "query.max-memory": "300MB",
                "query.max-memory-per-node": "300MB",
                "memory.heap-headroom-per-node": "200MB",
            }
        ),
        "log.properties": _lines({"Bootstrap": "WARN", "org.hibernate": "WARN"}),
        f"catalog/{HIVE}.properties": _lines(
            {
                "connector.name": "hive",
                "hive.metastore": "glue",
                **shared,
                "hive.iceberg-catalog-name": ICEBERG,
                # Else Glue is sent no condition for partition keys that are numbers, and all partitions come.
                "hive.metastore.glue.assume-canonical-partition-keys": "true",
                "hive.non-managed-table-writes-enabled": "true",
                "hive.allow-register-partition-procedure": "true",
                "hive.partition-projection-enabled": "true",
                "hive.recursive-directories": "true",
                "hive.parquet.time-zone": "UTC",
            }
        ),
        f"catalog/{READINESS}.properties": _lines({"connector.name": "tpch"}),
        f"catalog/{ICEBERG}.properties": _lines(
            {
                "connector.name": "iceberg",
                "iceberg.catalog.type": "glue",
                **shared,
                "iceberg.hive-catalog-name": HIVE,
                "iceberg.register-table-procedure.enabled": "true",
                "iceberg.unique-table-location": "false",
                # Athena's VACUUM keeps five days where it is not told otherwise; Trino would refuse less than seven.
                "iceberg.expire-snapshots.min-retention": "0s",
                "iceberg.remove-orphan-files.min-retention": "0s",
            }
        ),
    }


def _storage(glue: str, s3: str) -> dict[str, str]:
    return {
        "hive.metastore.glue.region": "${ENV:AWS_REGION}",
        "hive.metastore.glue.endpoint-url": glue,
        "hive.metastore.glue.aws-access-key": "${ENV:AWS_ACCESS_KEY_ID}",
        "hive.metastore.glue.aws-secret-key": "${ENV:AWS_SECRET_ACCESS_KEY}",
        "hive.metastore.glue.partitions-segments": "1",
        "fs.native-s3.enabled": "true",
        "s3.endpoint": s3,
        "s3.region": "${ENV:AWS_REGION}",
        "s3.path-style-access": "true",
        "s3.aws-access-key": "${ENV:AWS_ACCESS_KEY_ID}",
        "s3.aws-secret-key": "${ENV:AWS_SECRET_ACCESS_KEY}",
        # A file is read by the parts that are asked for, however small, so that what a query reads can be told.
        "parquet.small-file-threshold": "0B",
    }


def command(java: Path, server: Path, etc: Path) -> list[str]:
    """Return the command line that runs the server in the foreground."""
    files = [f"-Dconfig={etc}/config.properties", f"-Dlog.levels-file={etc}/log.properties"]
    return [str(java), *_JVM, *files, "-cp", f"{server}/lib/*", MAIN_CLASS]


def _lines(properties: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())
