"""What a service node answers: a status and a body."""

import json
from dataclasses import dataclass
from typing import Any

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and its media type."""

    status: int
    body: bytes = b""
    media_type: str = TEXT


def build_text(status: int, text: str) -> Answer:
    """Build an answer with a line of text."""
    return Answer(status, text.encode())


def build_json(status: int, value: dict[str, Any]) -> Answer:
    """Build an answer with a JSON object."""
    return Answer(status, json.dumps(value).encode(), JSON)
