"""Reads the text that a wallet signs to sign in (EIP-4361), by its grammar and nothing more; pure.

Every line has to be there as the grammar has it: in this order, with single line feeds, without
spaces around them. What two readers could take differently is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from eth_utils.address import is_checksum_address

VERSION = "1"
MAX_CHARACTERS = 2_000
_WANTS = "wants you to sign in with your Ethereum account:"

_FIRST = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([A-Za-z0-9._~!$&'()*+,;=:@%\[\]-]+) " + re.escape(_WANTS),
    re.ASCII,
)
_TEXT = re.compile(r"[A-Za-z0-9 ._~:/?#\[\]@!$&'()*+,;=-]+", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.ASCII)
_CHAIN_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9]{8,128}", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]*", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


class MessageMalformed(Exception):
    """The text does not follow the grammar; the message names the line."""


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """What a wallet signed. Times in unix seconds; None for what the text leaves out."""

    scheme: str | None
    domain: str
    address: str
    statement: str | None
    uri: str
    chain_id: int
    nonce: str
    issued_at_s: float
    expires_at_s: float | None
    not_before_s: float | None
    request_id: str | None
    resources: tuple[str, ...]


def read_message(text: str) -> SignInMessage:
    """The message of a text. Raises MessageMalformed."""
    if len(text) > MAX_CHARACTERS:
        raise MessageMalformed(f"it has more than {MAX_CHARACTERS} characters")
    lines = _Lines(text)
    first = _FIRST.fullmatch(lines.next("its first line"))
    if first is None:
        raise MessageMalformed(f'its first line is not "DOMAIN {_WANTS}"')
    address = lines.next("the address")
    if not is_checksum_address(address):
        raise MessageMalformed("its second line is not an address with a checksum (EIP-55)")
    lines.empty("the address")
    statement = lines.statement()
    uri = lines.field("URI", _URI)
    if lines.field("Version", None) != VERSION:
        raise MessageMalformed(f"its Version is not {VERSION}")
    chain_id = int(lines.field("Chain ID", _CHAIN_ID))
    nonce = lines.field("Nonce", _NONCE)
    issued_at_s = _time_s("Issued At", lines.field("Issued At", _TIME))
    expires_at_s = lines.optional_time_s("Expiration Time")
    not_before_s = lines.optional_time_s("Not Before")
    request_id = lines.optional("Request ID", _REQUEST_ID)
    return SignInMessage(
        scheme=first[1],
        domain=first[2],
        address=address,
        statement=statement,
        uri=uri,
        chain_id=chain_id,
        nonce=nonce,
        issued_at_s=issued_at_s,
        expires_at_s=expires_at_s,
        not_before_s=not_before_s,
        request_id=request_id,
        resources=lines.resources(),
    )


class _Lines:
    """The lines of a text, read one by one."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._at = 0

    def next(self, what: str) -> str:
        if self._at == len(self._lines):
            raise MessageMalformed(f"{what} is missing")
        self._at += 1
        return self._lines[self._at - 1]

    def empty(self, what: str) -> None:
        if self.next(f"the empty line after {what}"):
            raise MessageMalformed(f"there is no empty line after {what}")

    def statement(self) -> str | None:
        """The statement with the empty line after it; without one, two empty lines follow the
        address."""
        line = self.next("the statement")
        if not line:
            return None
        if not _TEXT.fullmatch(line):
            raise MessageMalformed("its statement has characters that EIP-4361 does not allow")
        self.empty("the statement")
        return line

    def field(self, name: str, form: re.Pattern[str] | None) -> str:
        """The value of a line that has to come now."""
        line = self.next(f"the line {name}")
        value = line.removeprefix(f"{name}: ")
        if value == line or (form is not None and not form.fullmatch(value)):
            raise MessageMalformed(f'its line {self._at} is not a valid "{name}: …"')
        return value

    def optional(self, name: str, form: re.Pattern[str]) -> str | None:
        """The value of a line that may be left out."""
        if self._at == len(self._lines) or not self._lines[self._at].startswith(f"{name}: "):
            return None
        return self.field(name, form)

    def optional_time_s(self, name: str) -> float | None:
        value = self.optional(name, _TIME)
        return None if value is None else _time_s(name, value)

    def resources(self) -> tuple[str, ...]:
        """The addresses at the end, after which nothing may follow."""
        if self._at == len(self._lines):
            return ()
        if self.next("the end") != "Resources:":
            raise MessageMalformed(f"its line {self._at} does not belong there")
        found = []
        while self._at < len(self._lines):
            line = self.next("a resource")
            if not line.startswith("- ") or not _URI.fullmatch(line[2:]):
                raise MessageMalformed(f'its line {self._at} is not a valid "- URI"')
            found.append(line[2:])
        return tuple(found)


def _time_s(name: str, value: str) -> float:
    """Raises MessageMalformed for a date that does not exist."""
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        raise MessageMalformed(f"its {name} is not a time that exists") from None
