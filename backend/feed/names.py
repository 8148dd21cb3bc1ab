"""Normalises the names of clubs and competitions, and finds names that look alike; pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4\u02b9\u2032", "'"))
_SPACES = re.compile(r"\s+")
# Letters of other alphabets that look like Latin ones.
_LATIN_LOOK = str.maketrans(
    "АВЕЅЗІЈКМНОРСТУХаеѕіјорсухԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρχıɑ",
    "ABES3IJKMHOPCTYXaesijopcyxdhqwABEZHIKMNOPTYXovpxia",
)
# Joins and tags of emoji; other format characters could hide what a name says.
_EMOJI_FORMAT = frozenset(map(chr, (0x200D, *range(0xE0020, 0xE0080))))


def normalised(text: str) -> str:
    """The text in NFC, with one kind of apostrophe, single spaces, and none at its ends."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text).translate(_APOSTROPHES)).strip()


def is_plain(text: str) -> bool:
    """Whether a name is non-empty and every character of it is visible."""
    return bool(text) and all(char.isprintable() or char in _EMOJI_FORMAT for char in text)


def mixes_alphabets(text: str) -> bool:
    """Whether one word has Latin letters and letters of another alphabet that look like them."""
    for word in text.split():
        letters = {unicodedata.name(char, "?").split()[0] for char in word if char.isalpha()}
        if "LATIN" in letters and letters & {"CYRILLIC", "GREEK"}:
            return True
    return False


def skeleton(name: str) -> str:
    """What is left of a name without case, accents, punctuation and alphabet: two names with the
    same skeleton look alike."""
    latin = unicodedata.normalize("NFKD", name.translate(_LATIN_LOOK).casefold())
    return "".join(
        char for char in latin if not unicodedata.combining(char) and not _is_filler(char)
    )


def _is_filler(char: str) -> bool:
    return unicodedata.category(char)[0] in "PZ"


def look_alikes(names: Iterable[str]) -> Mapping[str, str]:
    """For each name that resembles a more frequent one (or an earlier one, if both are equally
    frequent), the name that it resembles."""
    frequency = Counter(names)
    chosen: dict[str, str] = {}
    for name in frequency:
        known = chosen.setdefault(skeleton(name), name)
        if frequency[name] > frequency[known]:
            chosen[skeleton(name)] = name
    return {name: known for name in frequency if (known := chosen[skeleton(name)]) != name}
