import json
import re
from pathlib import Path

import pytest

from infra.checks import tools
from infra.checks.tools import Provider, Tools, UnavailableError

REQUIREMENTS = Path(tools.__file__).with_name("requirements")
NAMES = sorted(path.stem for path in REQUIREMENTS.glob("*.in"))


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_and_what_it_needs_is_pinned_by_hash(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    pins = [entry for entry in entries if not entry.startswith("#")]
    assert pins
    for pin in pins:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", pin) and "--hash=sha256:" in pin, pin


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_is_what_is_pinned(name: str) -> None:
    asked = re.findall(r"^[\w.-]+==\S+", (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = re.findall(r"^[\w.-]+==[^\s;]+", (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert asked
    assert set(asked) <= set(pinned)


def test_a_schema_keeps_the_types_that_are_used_and_says_nothing_of_those_that_it_does_not_have() -> None:
    whole = {
        "provider_schemas": {
            "aws": {
                "provider": {"version": 0},
                "resource_schemas": {"aws_sns_topic": 1, "aws_sqs_queue": 2},
                "data_source_schemas": {"aws_sns_topic": 3, "aws_region": 4},
                "ephemeral_resource_schemas": {"aws_kms_secrets": 5},
            }
        }
    }
    kept = json.loads(tools._schema_of(json.dumps(whole), ["data:aws_region", "resource:aws_sns_topic", "data:aws_x"]))
    assert kept["provider_schemas"]["aws"] == {
        "provider": {"version": 0},
        "resource_schemas": {"aws_sns_topic": 1},
        "data_source_schemas": {"aws_region": 4},
        "ephemeral_resource_schemas": {},
    }


def test_without_a_provider_beside_the_project_it_is_the_registry_s_and_tests_may_not_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_registry_answers", lambda: True)
    provider = Tools(tmp_path / "cache", tmp_path / "nowhere").provider(["resource:aws_sns_topic"])
    assert not provider.can_apply
    assert "plugin_cache_dir" in Path(provider.variables["TF_CLI_CONFIG_FILE"]).read_text(encoding="utf-8")


def test_without_a_registry_either_there_is_no_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_registry_answers", lambda: False)
    with pytest.raises(UnavailableError, match="does not answer"):
        Tools(tmp_path / "cache", tmp_path / "nowhere").provider([])


def test_what_was_not_made_to_its_end_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[list[str]] = []

    def make(command: list[str], *_: object, **__: object) -> None:
        tries.append(command)
        if len(tries) == 1:
            raise UnavailableError("no route to host")
        if "venv" in command:
            Path(command[-1]).mkdir(exist_ok=True)

    monkeypatch.setattr(tools, "_make", make)
    pinned = Tools(tmp_path)
    with pytest.raises(UnavailableError):
        pinned.python("terraform")
    made = pinned.python("terraform")
    assert len(tries) == 3
    assert pinned.python("terraform") == made
    assert len(tries) == 3


def test_a_provider_that_serves_is_told_apart_from_none(tmp_path: Path) -> None:
    bare = Tools(tmp_path).without_provider()
    assert bare == Provider({"TF_CLI_CONFIG_FILE": str(tmp_path / "none.tfrc")}, can_apply=True)
    assert (tmp_path / "none.tfrc").read_text(encoding="utf-8") == ""
