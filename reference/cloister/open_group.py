"""Chapter 11, last part but one: the endpoints of a server: what each needs, and how much it takes.

- `ENDPOINTS` is the chapter's table; whatever way a request comes, alone, in a batch or by onion request, it is looked up here.
- What an account may do is said by `open_group_rights`, what queries and bodies may be by `open_group_queries` and
  `open_group_bodies`, how requests stand in a batch by `open_group_batch`. What a server holds, and how, is the shell's.

    >>> endpoint, names = find_endpoint(Request(method="DELETE", target="/room/tea/message/7"))
    >>> endpoint.path, names
    ('/room/{room}/message/{message}', {'room': 'tea', 'message': '7'})
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from cloister import room
from cloister.onion import MAX_ONION_BYTES
from cloister.open_group_bodies import MAX_JSON_BYTES
from cloister.open_group_rights import Need
from cloister.room_post import MAX_FILE_BYTES
from cloister.signed_request import Refusal, Request

LOOSE_FILE_SECONDS = 3_600
FILE_SECONDS = 1_296_000
MAX_PAGE_BYTES = 2_097_152
ACTIVE_SECONDS = 604_800
NEEDS_WITHOUT_ROOM = frozenset({Need.NOTHING, Need.SIGNED})
ANONYMOUS_NEEDS = frozenset({Need.NOTHING, Need.ACCESSIBLE, Need.READ})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint: method, path with the names of what stands in it, what it needs."""

    method: str
    path: str
    need: Need

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a path must match."""
        return compile_path(self.path)


@cache
def compile_path(path: str) -> re.Pattern[str]:
    """Compile a path with names in braces to what a path must match; once, for all are tried for each request."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{NAMES[name[1]]})", path))


DECIMAL = r"0|[1-9][0-9]{0,19}"
NAMES = {
    "room": room.TOKEN.pattern,
    "message": DECIMAL,
    "file": DECIMAL,
    "number": DECIMAL,
    "id": r"(?:05|00|15)[0-9a-f]{64}",
    "name": r"[^/]*",
}

ENDPOINTS = (
    Endpoint("GET", "/capabilities", Need.NOTHING),
    Endpoint("GET", "/rooms", Need.NOTHING),
    Endpoint("GET", "/room/{room}", Need.ACCESSIBLE),
    Endpoint("PUT", "/room/{room}", Need.ADMINISTRATOR),
    Endpoint("GET", "/room/{room}/pollInfo/{number}", Need.ACCESSIBLE),
    Endpoint("POST", "/room/{room}/message", Need.WRITE),
    Endpoint("GET", "/room/{room}/message/{message}", Need.READ),
    Endpoint("PUT", "/room/{room}/message/{message}", Need.WRITE),
    Endpoint("DELETE", "/room/{room}/message/{message}", Need.WRITE),
    Endpoint("GET", "/room/{room}/messages/since/{number}", Need.READ),
    Endpoint("GET", "/room/{room}/messages/recent", Need.READ),
    Endpoint("GET", "/room/{room}/messages/before/{message}", Need.READ),
    Endpoint("DELETE", "/room/{room}/all/{id}", Need.WRITE),
    Endpoint("DELETE", "/rooms/all/{id}", Need.SIGNED),
    Endpoint("POST", "/room/{room}/file", Need.UPLOAD),
    Endpoint("GET", "/room/{room}/file/{file}", Need.READ),
    Endpoint("GET", "/room/{room}/file/{file}/{name}", Need.READ),
    Endpoint("POST", "/user/{id}/ban", Need.SIGNED),
    Endpoint("POST", "/user/{id}/unban", Need.SIGNED),
    Endpoint("POST", "/user/{id}/moderator", Need.SIGNED),
    Endpoint("POST", "/room/{room}/permissions/{id}", Need.MODERATOR),
    Endpoint("GET", "/room/{room}/permissions", Need.MODERATOR),
    Endpoint("GET", "/room/{room}/permissions/{id}", Need.MODERATOR),
    Endpoint("POST", "/room/{room}/invitation", Need.MODERATOR),
    Endpoint("DELETE", "/room/{room}/invitation", Need.MODERATOR),
    Endpoint("POST", "/room/{room}/join", Need.SIGNED),
)
BATCH_PATHS = ("/batch", "/sequence")
"""`POST`; they and `TARGET` stand for others, and are answered before the table is looked at."""


# Endpoints


def find_endpoint(request: Request) -> tuple[Endpoint, dict[str, str]]:
    """Find the endpoint of an unverified request, and what stands in its path.

    Raises:
        Refusal: 404, there is no such path; 405, it has not this method.
    Clauses: OG-57
    """
    found = match_path(request.path.decode())  # which `check_target` has made sure of
    if not found:
        raise Refusal(404, "there is no such path")
    for endpoint, names in found:
        if endpoint.method == request.method:
            return endpoint, dict(names)
    raise Refusal(405, "this path has not this method")


@lru_cache(maxsize=256)
def match_path(path: str) -> Sequence[tuple[Endpoint, Mapping[str, str]]]:
    """Match an unverified path with those of all endpoints; what is asked of one request more than once is found once."""
    return [(endpoint, match.groupdict()) for endpoint in ENDPOINTS if (match := endpoint.pattern.fullmatch(path))]


def find_limit(request: Request) -> int:
    """Find how many bytes the body of an unverified request may have.

    Clauses: OG-48, OG-59
    """
    try:
        endpoint, _ = find_endpoint(request)
    except (Refusal, UnicodeDecodeError):
        return MAX_ONION_BYTES
    return MAX_FILE_BYTES if endpoint.need is Need.UPLOAD else MAX_JSON_BYTES


def check_size(request: Request) -> None:
    """Check that the body of an unverified request is not longer than its endpoint takes.

    Raises:
        Refusal: 413, it is.
    Clauses: OG-48, OG-59
    """
    if request.size > (limit := find_limit(request)):
        raise Refusal(413, f"the body has at most {limit} bytes here")


def check_signed(endpoint: Endpoint, *, signed: bool) -> None:
    """Check that somebody signed where somebody must.

    Raises:
        Refusal: 401, nobody did.
    Clauses: OG-14
    """
    if not signed and endpoint.need not in ANONYMOUS_NEEDS:
        raise Refusal(401, "this needs a signed request")
