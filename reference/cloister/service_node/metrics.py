"""Totals for the operator; they name endpoints and statuses, and nobody.

Clauses: SW-45
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """The totals of one node."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cloister_requests", "Requests answered", ("endpoint", "status"), registry=self.registry
        )
        self.stored = Counter("cloister_stored_messages", "Messages stored", ("source",), registry=self.registry)
        self.dropped = Counter("cloister_dropped_messages", "Pushed messages dropped", registry=self.registry)
        self.pushed = Counter("cloister_pushed_messages", "Messages pushed to other nodes", registry=self.registry)
        self.given = Counter("cloister_given_messages", "Messages given", registry=self.registry)
        self.held = Gauge("cloister_held_messages", "Messages held now", registry=self.registry)
        self.height = Gauge("cloister_network_height", "Height of the network", registry=self.registry)

    def encode(self) -> bytes:
        """Encode all totals in the text form of Prometheus."""
        return generate_latest(self.registry)
