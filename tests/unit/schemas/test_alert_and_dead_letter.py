import msgspec
import pytest

from schemas.alert import alert_of, decode_alert, encode_alert, message_attributes
from schemas.dead_letter import dead_letter_of, decode_dead_letter, encode_dead_letter
from schemas.event import ClickEvent


def purchase(**metadata: str) -> ClickEvent:
    return ClickEvent(
        event_id="e", user_id="u", session_id="s", event_type="purchase", event_timestamp_us=10**15, metadata=metadata
    )


def test_an_alert_carries_what_a_subscriber_reads_and_filters_by() -> None:
    alert = alert_of(purchase(order_id="o", amount_minor="1999", currency="EUR", country="DE"), arrival_us=10**15 + 5)
    assert decode_alert(encode_alert(alert)) == alert
    assert (alert.amount_minor, alert.arrival_timestamp) == (1999, "2001-09-09T01:46:40.000005Z")
    assert message_attributes(alert) == {
        "event_type": ("String", "purchase"),
        "schema_version": ("String", "purchase_alert.v1"),
        "country": ("String", "DE"),
        "currency": ("String", "EUR"),
        "amount_minor": ("Number", "1999"),
    }


@pytest.mark.parametrize("amount", ["", "19.99", "many", "--5", "٣", "9" * 19])
def test_an_amount_that_is_no_whole_number_is_absent_and_the_alert_still_goes_out(amount: str) -> None:
    alert = alert_of(purchase(amount_minor=amount), arrival_us=0)
    assert alert.amount_minor is None
    assert "amount_minor" not in message_attributes(alert)


def test_a_dead_letter_gives_its_bytes_back() -> None:
    letter = dead_letter_of(b"\xff\x00", reason="not_json", detail="d", stage="decode", arrival_us=0)
    read = decode_dead_letter(encode_dead_letter(letter))
    assert read == letter
    assert (read.payload(), read.payload_bytes) == (b"\xff\x00", 2)


def test_a_dead_letter_with_a_location_holds_no_bytes_itself() -> None:
    inside = dead_letter_of(b"large", reason="too_large", detail="d", stage="decode", arrival_us=0)
    outside = msgspec.structs.replace(inside, payload_base64=None, payload_location="s3://bucket/key")
    assert (outside.payload(), outside.payload_bytes) == (None, 5)
