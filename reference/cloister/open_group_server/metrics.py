"""Totals for the operator; they name endpoints and statuses, and nobody.

Clauses: OG-67
"""

from prometheus_client import CollectorRegistry, Counter, generate_latest


class Metrics:
    """The totals of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cloister_requests", "Requests answered", ("endpoint", "status"), registry=self.registry
        )

    def encode(self) -> bytes:
        """Encode all totals in the text form of Prometheus."""
        return generate_latest(self.registry)
