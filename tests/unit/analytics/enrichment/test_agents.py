"""What user agents tell, on texts that browsers and programs send."""

from __future__ import annotations

import ast
import gzip
import hashlib
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from types import ModuleType

import pytest

from analytics.enrichment import agents, bots, devices
from analytics.enrichment.agents import LOOKED_AT_CHARS, RULES, Agent, AgentParser, rules_version
from analytics.enrichment.devices import DeviceClass
from schemas.tables import DIM_USER_AGENTS
from tests.recordings import APACHE

PARSER = AgentParser(rules_version("test"))
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.6723.58 {}Safari/537.36"
)
MSIE = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1; http://www.tool.bar)"
# The code of each version of the rules: a version goes on saying what it said, and a change is a version of its own.
DIGESTS = {1: "fea9dab068f12f7b"}


def test_a_browser_on_a_desktop() -> None:
    assert PARSER.parse(WINDOWS) == Agent("Chrome", "130.0.0.0", "Windows", "10", DeviceClass.DESKTOP, is_bot=False)


def test_a_browser_on_a_telephone() -> None:
    assert PARSER.parse(IPHONE) == Agent("Mobile Safari", "17.5", "iOS", "17.5.1", DeviceClass.MOBILE, is_bot=False)


@pytest.mark.parametrize(
    "text", ["", "-", " ", "Mozilla/5.0", "\x00\x01", "ü" * 50, "'; DROP TABLE facts --", "💥" * 3000]
)
def test_a_text_that_tells_nothing_is_other(text: str) -> None:
    assert PARSER.parse(text) == Agent("other", None, "other", None, DeviceClass.OTHER, is_bot=False)


def test_nothing_behind_what_is_looked_at_counts() -> None:
    told = WINDOWS + " " * LOOKED_AT_CHARS + "Googlebot/2.1"
    assert PARSER.parse(told) == PARSER.parse(WINDOWS)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        (WINDOWS, DeviceClass.DESKTOP),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36",
            DeviceClass.DESKTOP,
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:130.0) Gecko/20100101 Firefox/130.0", DeviceClass.DESKTOP),
        ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)", DeviceClass.DESKTOP),
        (ANDROID.format("Pixel 8", "Mobile "), DeviceClass.MOBILE),
        (ANDROID.format("CUBOT X18 Plus", "Mobile "), DeviceClass.MOBILE),
        ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)", DeviceClass.MOBILE),
        ("Opera/9.80 (J2ME/MIDP; Opera Mini/7.1/34; U; en) Presto/2.8 Version/11.10", DeviceClass.MOBILE),
        (ANDROID.format("SM-X906C", ""), DeviceClass.TABLET),
        (IPHONE.replace("iPhone;", "iPad;"), DeviceClass.TABLET),
        ("Mozilla/5.0 (Android 14; Tablet; rv:130.0) Gecko/130.0 Firefox/130.0", DeviceClass.TABLET),
        ("Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36", DeviceClass.OTHER),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 TV Safari/538.1", DeviceClass.OTHER),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 Version/13.0 Safari/605.1.15",
            DeviceClass.OTHER,
        ),
        ("Lynx/2.8.9rel.1 libwww-FM/2.14", DeviceClass.OTHER),
    ],
)
def test_devices(text: str, device: DeviceClass) -> None:
    assert PARSER.parse(text).device == device


@pytest.mark.parametrize(
    "text",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"{IPHONE} (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (compatible; NeverHeardOf/1.0; https://example.com/why-we-visit)",
        "NeverHeardOf 1.0 (someone@example.com)",
        "curl/8.5.0",
        "python-requests/2.32.3",
        "Go-http-client/2.0",
        "facebookexternalhit/1.1",
        "UniversalFeedParser/5.1",
        WINDOWS.replace("Chrome", "HeadlessChrome"),
    ],
)
def test_a_program_that_says_so_is_a_bot(text: str) -> None:
    agent = PARSER.parse(text)
    assert agent.is_bot
    assert agent.device == DeviceClass.BOT


@pytest.mark.parametrize("text", [WINDOWS, IPHONE, MSIE, ANDROID.format("CUBOT", "Mobile "), "okhttp/4.12.0", "-"])
def test_what_does_not_say_so_is_none(text: str) -> None:
    assert not PARSER.parse(text).is_bot


def test_rows_are_those_of_the_table() -> None:
    rows = PARSER.rows([IPHONE, ""])
    assert rows.schema == DIM_USER_AGENTS.schema
    [phone, nothing] = rows.to_pylist()
    assert phone == {
        "user_agent": IPHONE,
        "browser": "Mobile Safari",
        "browser_version": "17.5",
        "os": "iOS",
        "os_version": "17.5.1",
        "device": "mobile",
        "is_bot": False,
        "rules_version": f"{RULES}, ua-parser-builtins test",
    }
    assert (nothing["user_agent"], nothing["browser"], nothing["browser_version"]) == ("", "other", None)
    assert PARSER.rows([]).num_rows == 0


def without_texts(module: ModuleType) -> str:
    """Return the code of a module without its docstrings; comments are none."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree)


def test_rules_that_change_are_rules_of_another_version() -> None:
    code = "".join(map(without_texts, (bots, devices, agents)))
    digest = hashlib.sha256(code.encode()).hexdigest()[:16]
    assert DIGESTS.get(RULES) == digest, f"the rules changed: count RULES up and write {{{RULES + 1}: {digest!r}}}"
    assert max(DIGESTS) == RULES


def recorded_agents() -> Iterator[str]:
    with gzip.open(APACHE.path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            if found := re.search(r'"([^"]*)"$', line):
                yield found[1]


def test_recorded_traffic_has_as_many_lines_of_bots_as_its_description_counts() -> None:
    lines = Counter(recorded_agents())
    assert (lines.total(), len(lines)) == (9999, 558)
    is_bot = {text: PARSER.parse(text).is_bot for text in lines}
    assert all(is_bot[text] for text in lines if re.search(r"bot|crawl|spider|slurp", text, re.IGNORECASE))
    of_bots = sum(count for text, count in lines.items() if is_bot[text])
    # "About 2,130 by user agent"; here also libraries, and readers of feeds, whose names say nothing of a robot.
    readers = sum(count for text, count in lines.items() if is_bot[text] and re.search("feed|rss", text, re.IGNORECASE))
    assert of_bots == 2642
    assert of_bots - readers < 2130 < of_bots
    shares = Counter[str]()
    for text, count in lines.items():
        shares[PARSER.parse(text).device.value] += count
    assert shares == {"desktop": 6702, "bot": 2642, "mobile": 306, "other": 255, "tablet": 94}
