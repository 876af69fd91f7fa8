"""Whether a user agent says that no person looks at the page. Pure.

It goes by what the text says of itself. A program that calls itself a browser counts as one: what it does is a question
to the facts, not to this text.
"""

from __future__ import annotations

import re

# What ua-parser calls the device of every crawler that it knows by name.
# Source: ua-parser/uap-core, regexes.yaml, `device_replacement: 'Spider'`.
SPIDER = "Spider"
# A robot says where one reads about it, mostly after a plus sign. Source: RFC 9309, section 2.2.1, and its example of a
# User-Agent header with the address of such a page.
_ADDRESS = re.compile(r"https?://|\bwww\.|\w@\w", re.IGNORECASE)
# Toolbars put the address of their maker into the text of this browser alone.
_BROWSER_WITH_ADDRESSES = re.compile(r"\bMSIE \d")
_ADDRESS_OF_A_ROBOT = re.compile(r"\+ ?https?://", re.IGNORECASE)
# What robots call themselves. "Cubot" makes telephones.
_NAMES = re.compile(
    r"(?<!cu)bot(?![a-rt-z])|crawl|spider|slurp|scrap[ey]|archiver|link.?(?:check|valid)|uptime|pingdom"
    r"|feed(?:burner|fetch|ly|bin|parser)|\brss\b|fetcher|facebookexternalhit|embedly|flipboardproxy|preview",
    re.IGNORECASE,
)
# Libraries and programs that fetch for other programs, at the beginning of the text where they put their name, and
# browsers without a screen. Not okhttp and CFNetwork: with these, apps of telephones fetch what a person asked for.
_PROGRAMS = re.compile(
    r"^(?:curl|wget|libcurl|libwww|lwp|python|aiohttp|httpx|java|apache-httpclient|go-http-client|ruby|php|perl|node"
    r"|axios|http_request|guzzlehttp|fetch libfetch|postman|insomnia)\b"
    r"|headless|phantomjs|selenium|puppeteer|playwright|libwww-perl",
    re.IGNORECASE,
)


def is_bot(text: str, device_family: str | None) -> bool:
    """Say whether a program calls itself one.

    Args:
        text: the user agent, cut to what is looked at.
        device_family: what ua-parser calls the device; None where it knows none.
    """
    if device_family == SPIDER or _NAMES.search(text) or _PROGRAMS.search(text) or _ADDRESS_OF_A_ROBOT.search(text):
        return True
    return bool(_ADDRESS.search(text)) and not _BROWSER_WITH_ADDRESSES.search(text)
