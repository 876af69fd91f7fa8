"""What the text of a user agent tells: browser, operating system, kind of device, and whether it is a program's.

Pure. The library ua-parser knows the names; what a bot and which device it is, is said by the rules of this package.
Every text has an answer: what the rules do not know is `other`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from ua_parser import OS, BasicResolver, Domain, UserAgent, load_builtins

from analytics.enrichment.bots import is_bot
from analytics.enrichment.devices import DeviceClass, device_of
from schemas.tables import DIM_USER_AGENTS

# The version of this package's rules: whatever changes an answer counts it up, and the texts are read anew by it.
RULES = 1
OTHER = "other"
# The distribution that holds the library's rules; its version is the month of its data.
LIBRARY_DATA = "ua-parser-builtins"
# How much of a text the rules look at. A browser's has some 100 to 300 characters; the time that the library's
# expressions take grows with the length, to 11 ms at worst for this many.
LOOKED_AT_CHARS = 1024
_LIBRARY_UNKNOWN = "Other"


@dataclass(frozen=True, slots=True)
class Agent:
    """What a text tells.

    Attributes:
        browser: family of the browser or program, else `other`.
        browser_version: parts joined by dots; None where the text tells none.
        os: family of the operating system, else `other`.
        os_version: as that of the browser.
        device: the kind of device.
        is_bot: whether a program calls itself one.
    """

    browser: str
    browser_version: str | None
    os: str
    os_version: str | None
    device: DeviceClass
    is_bot: bool


def rules_version(library_version: str) -> str:
    """Return the name of all rules together, given the version of the library's data."""
    return f"{RULES}, {LIBRARY_DATA} {library_version}"


class AgentParser:
    """Reads user agents; one instance for many, since it compiles more than a thousand expressions.

    Args:
        version: of the rules, see `rules_version`; it stands in every row.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        # The one that takes the builtin expressions as they are, wherever it runs: the faster ones are optional.
        self._resolver = BasicResolver(load_builtins())

    def parse(self, text: str) -> Agent:
        """Return what a text tells; never fails."""
        looked_at = text[:LOOKED_AT_CHARS]
        found = self._resolver(looked_at, Domain.ALL)
        bot = is_bot(looked_at, found.device.family if found.device else None)
        return Agent(
            browser=_family(found.user_agent),
            browser_version=_version(found.user_agent),
            os=_family(found.os),
            os_version=_version(found.os),
            device=device_of(looked_at, found.os.family if found.os else None, bot),
            is_bot=bot,
        )

    def rows(self, texts: Iterable[str]) -> pa.Table:
        """Return the rows of `dim_user_agents` of some texts, in the order of the texts."""
        ordered = list(texts)
        agents = [self.parse(text) for text in ordered]
        return pa.table(
            [
                ordered,
                [agent.browser for agent in agents],
                [agent.browser_version for agent in agents],
                [agent.os for agent in agents],
                [agent.os_version for agent in agents],
                [agent.device.value for agent in agents],
                [agent.is_bot for agent in agents],
                [self.version] * len(agents),
            ],
            schema=DIM_USER_AGENTS.schema,
        )


def _family(found: UserAgent | OS | None) -> str:
    return found.family if found and found.family and found.family != _LIBRARY_UNKNOWN else OTHER


def _version(found: UserAgent | OS | None) -> str | None:
    """Return the parts of a version up to the first that is missing."""
    parts: list[str] = []
    for part in (found.major, found.minor, found.patch, found.patch_minor) if found else ():
        if not part:
            break
        parts.append(part)
    return ".".join(parts) or None
