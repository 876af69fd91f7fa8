"""The rules that tell a referrer's channel by its host: where they lie, of which version they are. Pure.

The rules are data, which the models read as a seed, and the lookup is SQL there. Here is what both must agree on.
"""

from __future__ import annotations

from enum import StrEnum

# Below the root of the models. Its rows are a host in lower case, its channel and its source; a referrer is of the
# longest host that is its own or the end of its own after a dot. An app's referrer (android-app://) has its package as
# host.
SEED = "seeds/referrer_channels.csv"
SEED_COLUMNS = ("host", "channel", "source")
# The version of the seed: whatever changes a row counts it up. The models put it beside what they derive.
CHANNEL_RULES = 1


class Channel(StrEnum):
    """How a visitor came, as far as a host tells it; the models name the others, such as direct and referral."""

    ORGANIC_SEARCH = "organic_search"
    SOCIAL = "social"
    VIDEO = "video"
    EMAIL = "email"
    AI_ASSISTANT = "ai_assistant"
