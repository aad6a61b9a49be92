"""The log of a server: a JSON object for each line, on stderr.

Clauses: SW-45, OG-67

It has no addresses of clients, ids, recipients, hashes or data. So of other people's records, and of exceptions, only
the fixed text and the places in the code are written, and never the values.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

LOG = logging.getLogger("cloister")


class Formatter(logging.Formatter):
    """Formats a record as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; `facts` are those that `note` was given.

        Clauses: SW-45, OG-67
        """
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": str(record.msg),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= describe(record.exc_info[1])
        return json.dumps(line)


def describe(error: BaseException) -> dict[str, Any]:
    """Describe an exception by its class and where it came from, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}


def note(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **facts: object) -> None:
    """Write a line of the log."""
    LOG.log(level, event, exc_info=error, extra={"facts": facts})


def set_up() -> None:
    """Let all that is logged in this process take this form; of other libraries, what is an error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(handlers=[handler], level=logging.ERROR, force=True)
    LOG.setLevel(logging.INFO)
