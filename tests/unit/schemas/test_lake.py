import pytest

from schemas import lake
from schemas.instants import HOUR_US, parse_instant_us

HOUR = parse_instant_us("2026-03-01T07:00:00Z")


def test_a_folder_names_the_hour_of_its_instant_and_back() -> None:
    folder = lake.hour_folder(HOUR + HOUR_US - 1)
    assert folder == "year=2026/month=03/day=01/hour=07/"
    assert lake.hour_of_key(f"clickstream/{folder}x.json.gz") == HOUR


@pytest.mark.parametrize(
    "key", ["clickstream/x.json", "clickstream/year=2026/month=13/day=01/hour=07/x", "year=2026/month=03/"]
)
def test_a_key_without_a_real_hour_names_none(key: str) -> None:
    assert lake.hour_of_key(key) is None


def test_an_hour_of_the_command_line_is_read_and_written() -> None:
    assert lake.parse_hour("2026-03-01T07") == HOUR
    assert lake.format_hour(HOUR) == "2026-03-01T07"
    with pytest.raises(ValueError, match="does not match"):
        lake.parse_hour("2026-03-01")
