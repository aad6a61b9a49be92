"""Chapter 11, eighth part: what queries, numbers in paths, and headers of requests to a server must be.

All of it is unverified; what is not of the form is a `Refusal`.

    >>> read_limit(Request(method="GET", target="/room/tea/messages/recent?limit=1000"))
    256
"""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, unquote_to_bytes

from cloister import errors, room, wire
from cloister.group_control import BIDI_CONTROLS
from cloister.signed_request import Refusal, Request

MAX_FILE_NAME_CHARACTERS = 128
DEFAULT_PAGE = 100
MAX_PAGE = room.MAX_PAGE
MAX_REQUIRED = 16
MAX_REQUIRED_CHARACTERS = 32
MAX_NUMBER = room.MAX_NUMBER
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NOT_IN_FILE_NAMES = frozenset("/\\") | BIDI_CONTROLS
FILE_NAME = re.compile(r"attachment; *filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)", re.IGNORECASE)
CAPABILITY = re.compile(rf"[\x21-\x7e]{{1,{MAX_REQUIRED_CHARACTERS}}}")
RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
MAX_OFFSET_DIGITS = 18


# Paths and queries


def decode_number(text: str) -> int:
    """Decode a number in a path; what is above `MAX_NUMBER` names nothing, as that itself.

    Clauses: OG-58
    """
    return min(int(text), MAX_NUMBER)


def decode_query(query: str) -> dict[str, str]:
    """Decode an unverified query; of a name that stands there twice the last counts."""
    return dict(parse_qsl(query, keep_blank_values=True, errors="replace"))


def read_limit(request: Request) -> int:
    """Read how many messages a list is to have.

    Raises:
        Refusal: 400, it is no number.
    Clauses: OG-44, OG-58
    """
    text = decode_query(request.query).get("limit")
    if text is None:
        return DEFAULT_PAGE
    try:
        number = wire.decode_decimal(text, what="limit")
    except errors.InvalidEncoding as error:
        raise Refusal(400, str(error)) from None
    return max(1, min(number, MAX_PAGE))


def find_missing(request: Request, offered: Collection[str]) -> list[str]:
    """Find which of the capabilities that are required are not offered.

    Raises:
        Refusal: 400, it requires too many, or one with a name that is too long or not of ASCII.
    Clauses: OG-66
    """
    required = [name for name in decode_query(request.query).get("required", "").split(",") if name]
    if len(required) > MAX_REQUIRED or not all(map(CAPABILITY.fullmatch, required)):
        raise Refusal(400, f"at most {MAX_REQUIRED} capabilities of {MAX_REQUIRED_CHARACTERS} characters are required")
    return [name for name in required if name not in offered]


# Headers


def read_file_name(header: str | None) -> str:
    """Read the name of a file out of an unverified `Content-Disposition`; empty if there is none.

    Raises:
        Refusal: 400, it is not of the form, or not allowed.
    Clauses: OG-52
    """
    if header is None or header == "attachment":
        return ""
    found = FILE_NAME.fullmatch(header)
    if not found:
        raise Refusal(400, "Content-Disposition is not attachment; filename*=UTF-8''NAME")
    try:
        name = unquote_to_bytes(found[1]).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "the name of the file is not UTF-8") from None
    check_file_name(name)
    return name


def check_file_name(name: str) -> None:
    """Check the name of a file.

    Raises:
        Refusal: 400, it is not allowed.
    Clauses: OG-52
    """
    if not 1 <= len(name) <= MAX_FILE_NAME_CHARACTERS:
        raise Refusal(400, f"the name of a file has 1 to {MAX_FILE_NAME_CHARACTERS} characters")
    if CONTROL.search(name) or NOT_IN_FILE_NAMES & set(name) or name in {".", ".."}:
        raise Refusal(400, "the name of the file has a character that it must not have")


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Read which bytes of a file are wanted, the first and the one behind the last; None for all.

    Raises:
        Refusal: 416, the range begins behind the end.
    Clauses: OG-53
    """
    found = RANGE.fullmatch(header or "")
    if not found or found[0] == "bytes=-":
        return None
    first, last = map(read_offset, found.groups())
    if first is None:
        begin, end = max(0, size - (last or 0)), size
    elif last is None:
        begin, end = first, size
    elif last < first:
        return None  # no range at all, by RFC 9110
    else:
        begin, end = first, min(size, last + 1)
    if begin >= size:
        raise Refusal(416, "the range begins behind the end of the file")
    return begin, end


def read_offset(digits: str) -> int | None:
    """Read a number of a range, None if there is none; one of very many digits is behind the end of every file."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= MAX_OFFSET_DIGITS else MAX_NUMBER
