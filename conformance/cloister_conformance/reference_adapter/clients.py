"""What a client in a network leaves behind when its process ends, and how it is saved."""

from cloister.mailbox import Mailbox
from cloister.network_client import NetworkState
from pydantic import BaseModel, ConfigDict

from cloister_conformance.protocol.swarm import Network

KIND = "network client"


class NetworkClient(BaseModel):
    """The network that a client was given, how long it waits, what it knows of the network, and its mailboxes by their recipients."""

    model_config = ConfigDict(frozen=True)

    network: Network
    timeout_ms: int
    state: NetworkState = NetworkState()
    mailboxes: dict[str, Mailbox] = {}


def save_client(client: NetworkClient) -> str:
    """Save a client: its kind on a line of its own, then JSON."""
    return f"{KIND}\n{client.model_dump_json()}"
