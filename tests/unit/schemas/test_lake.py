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


FOLDER = "clickstream/year=2026/month=03/day=01/hour=07/"
NAME = "clicks-1-2026-03-01-07-00-00-0b7b3f4e-5a61-4a6e-8d0e-2f0d9f3f2a11"


def test_what_firehose_delivers_is_known_by_its_key_whatever_its_extension() -> None:
    object_id = "0b7b3f4e-5a61-4a6e-8d0e-2f0d9f3f2a11"
    assert lake.RAW_PREFIX + lake.firehose_object("clicks", HOUR, object_id) == FOLDER + NAME
    for extension in ("", ".gz", ".json.gz", ".json"):
        assert lake.is_firehose_object(f"{FOLDER}{NAME}{extension}")
    assert lake.is_firehose_object("clickstream-errors/deaggregation-failed/any")


@pytest.mark.parametrize(
    "key",
    [
        "clickstream/a.json",
        f"{FOLDER}a.json",
        f"clickstream/{NAME}",
        f"other/{FOLDER}{NAME}",
        f"{FOLDER}partner/{NAME}",
        f"{FOLDER}{NAME.rpartition('-')[0]}.json",
        f"{FOLDER}{NAME} copy.json",
        f"{FOLDER}{NAME}/a.json",
    ],
)
def test_a_file_that_others_put_is_not_taken_for_firehose_s(key: str) -> None:
    assert not lake.is_firehose_object(key)
