"""SNS: a message costs no cryptography.

The library makes a certificate and two RSA signatures for each message it delivers to a queue. Envelopes carry no
signature here: who verifies them must do so against AWS.
"""

from __future__ import annotations

from typing import Any

from moto.core.utils import iso_8601_datetime_with_milliseconds
from moto.sns.models import Subscription

from infra.local.mends.mend import Mend


def _envelope(
    subscription: Any,
    message: str,
    message_id: str,
    subject: str | None,
    message_attributes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Message": message,
        "Timestamp": iso_8601_datetime_with_milliseconds(),
    }
    if subject:
        envelope["Subject"] = subject
    if message_attributes:
        envelope["MessageAttributes"] = message_attributes
    return envelope


MEND = Mend("sns", ((Subscription, "get_post_data", _envelope),))
