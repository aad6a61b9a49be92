"""Totals for the operator; they name endpoints and statuses, and nobody.

Clauses: OG-67
"""

from prometheus_client import CollectorRegistry, Counter, generate_latest

from cloister import open_group
from cloister.open_group import BATCH_PATHS
from cloister.server_onion import TARGET

OTHER = "other"


class Metrics:
    """The totals of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cloister_requests", "Requests answered", ("endpoint", "status"), registry=self.registry
        )
        self.inner = Counter(
            "cloister_inner_requests",
            "Requests answered that were in onion requests and lists",
            ("endpoint", "status"),
            registry=self.registry,
        )

    def note_inner(self, path: bytes, status: int) -> None:
        """Count a request that was in another, by its unverified path."""
        self.inner.labels(name_endpoint(path.decode("utf-8", "replace")), str(status)).inc()

    def encode(self) -> bytes:
        """Encode all totals in the text form of Prometheus."""
        return generate_latest(self.registry)


def name_endpoint(path: str) -> str:
    """Name the endpoint of a path, without what stands in it."""
    if path in {*BATCH_PATHS, TARGET}:
        return path
    found = open_group.match_path(path)
    return found[0][0].path if found else OTHER
