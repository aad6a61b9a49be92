"""What an open-group server answers: a status, headers, and a body that is there or lies on disk."""

import json
from dataclasses import dataclass
from typing import Any

from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(ServerReply):
    """An answer whose body is a part of a file on disk."""

    stored_as: str
    begin: int
    end: int


def build_text(status: int, text: str) -> ServerReply:
    """Build an answer with a line of text."""
    return ServerReply(status=status, headers={"content-type": TEXT}, body=text.encode())


def build_json(value: Any, status: int = 200) -> ServerReply:  # noqa: ANN401 - whatever JSON can say
    """Build an answer with JSON."""
    return ServerReply(status=status, headers={"content-type": JSON}, body=json.dumps(value).encode())


def build_refusal(refusal: Refusal) -> ServerReply:
    """Build the answer that a refusal is.

    Clauses: OG-57
    """
    return build_text(refusal.status, refusal.reason)
