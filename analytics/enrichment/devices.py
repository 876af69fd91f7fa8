"""On what kind of device a user agent says that it runs: desktop, mobile, tablet, bot or other. Pure.

It goes by the text alone, and by its first rule that fits. A tablet that asks for the pages of a desktop, as iPads do
unless they are told otherwise, says that it is one, and counts as one.
"""

from __future__ import annotations

import re
from enum import StrEnum


class DeviceClass(StrEnum):
    """The kinds of device."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    TABLET = "tablet"
    BOT = "bot"
    OTHER = "other"


# As ua-parser names them. Source: ua-parser/uap-core, regexes.yaml, `os_replacement` and the families of `os_parsers`.
_DESKTOP_SYSTEMS = frozenset(
    {
        *("Windows", "Mac OS X", "Mac OS", "Chrome OS", "Linux", "Ubuntu", "Debian", "Fedora", "Red Hat", "CentOS"),
        *("SUSE", "Gentoo", "Arch Linux", "Mint", "Linux Mint", "Mandriva", "Slackware", "Kubuntu", "Puppy", "Lupuntu"),
        *("FreeBSD", "OpenBSD", "NetBSD", "Solaris"),
    }
)
_MOBILE_SYSTEMS = frozenset(
    {
        *("iOS", "Android", "Windows Phone", "Windows Mobile", "Windows CE", "BlackBerry OS", "BlackBerry Tablet OS"),
        *("Symbian OS", "Symbian^3", "Symbian^3 Anna", "Symbian^3 Belle", "Nokia Series 40", "Nokia Series 30 Plus"),
        *("Firefox OS", "KaiOS", "Tizen", "Bada", "webOS", "MeeGo", "Maemo", "Sailfish", "HarmonyOS", "Brew MP"),
    }
)
_SCREEN = re.compile(
    r"\b(?:smart-?tv|googletv|apple ?tv|tvos|hbbtv|netcast|bravia|aft[a-z]{1,4}|crkey|roku|android ?tv|tv box)\b"
    r"|\b(?:playstation|xbox|nintendo)\b",
    re.IGNORECASE,
)
_TABLET = re.compile(
    r"\bipad|\btablet(?! pc)|\bkindle\b|\bsilk/(?!.*\bmobile\b)|\bplaybook\b|\bnexus (?:7|9|10)\b", re.IGNORECASE
)
# Source: developer.chrome.com, "User-Agent Strings": on Android a telephone says Mobile and a tablet does not; Firefox
# and the browser of Android itself do the same.
_MOBILE_WORD = re.compile(r"\bmobile\b|\biphone\b|\bipod\b", re.IGNORECASE)
# Telephones of before, and browsers that a proxy renders for: Java's profile of them, and what their makers say.
_SMALL_PHONE = re.compile(r"\bmidp\b|\bcldc\b|opera mini|up\.browser|\bwap\b|\bj2me\b|\bmaui\b|nokia", re.IGNORECASE)


def device_of(text: str, os_family: str | None, is_bot: bool) -> DeviceClass:
    """Return the kind of device.

    Args:
        text: the user agent, cut to what is looked at.
        os_family: what ua-parser calls the operating system; None where it knows none.
        is_bot: whether a program calls itself one.
    """
    if is_bot:
        return DeviceClass.BOT
    if _SCREEN.search(text):
        return DeviceClass.OTHER
    if _TABLET.search(text):
        return DeviceClass.TABLET
    if os_family == "Android" and not _MOBILE_WORD.search(text) and not _SMALL_PHONE.search(text):
        # What is neither browser nor engine, such as an app's own library, says nothing of the screen.
        return DeviceClass.TABLET if "Mozilla/" in text else DeviceClass.MOBILE
    if os_family in _MOBILE_SYSTEMS or _MOBILE_WORD.search(text) or _SMALL_PHONE.search(text):
        return DeviceClass.MOBILE
    return DeviceClass.DESKTOP if os_family in _DESKTOP_SYSTEMS else DeviceClass.OTHER
