"""The quality document says what the checks, the limits and the validation are."""

import dataclasses
import re
import tomllib
from pathlib import Path

from batch_compaction import recount, recount_objects, validate
from batch_compaction.checks import CHECK_NAMES, CHECKS
from batch_compaction.limits import QualityLimits, load_limits

DOCUMENT = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")


def test_every_check_is_documented_with_its_severity_and_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    assert rows == [(check.name, str(check.severity), check.meaning) for check in CHECKS]


def test_the_limits_shown_are_the_defaults(tmp_path: Path) -> None:
    [shown] = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "clickstream.toml").write_text(shown)
    assert load_limits(tmp_path, CHECK_NAMES) == QualityLimits()
    assert tomllib.loads(shown)["quality"].keys() == {field.name for field in dataclasses.fields(QualityLimits)}


def test_every_kind_of_anomaly_is_documented() -> None:
    source = "".join(Path(module.__file__ or "").read_text("utf-8") for module in (recount, recount_objects, validate))
    compared = (recount.FACT, recount.CONFLICT, recount.REJECTED, recount.ATTESTATION)
    endings = [*re.findall(r'f"\{kind\}_(\w+)"', source), "missing", "unexpected"]
    kinds = {f"{kind}_{ending}" for kind in compared for ending in endings}
    kinds |= set(re.findall(r'"((?:object|lines)_\w+)"', source))
    documented = set(re.findall(r"`((?:fact|conflict|quarantine|attestation|object|lines)_\w+)`", DOCUMENT))
    assert documented - CHECK_NAMES == kinds
