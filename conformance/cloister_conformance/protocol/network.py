"""The methods of chapters 07 and 08 about a client in a network: it connects, over HTTP and by its own clock, to the nodes that it is given."""

from typing import Annotated

from cloister_conformance.protocol.messages import Handle, Hex32, Message, Method, Nothing
from cloister_conformance.protocol.proof_of_work import MessageHash
from cloister_conformance.protocol.storage import Letter
from cloister_conformance.protocol.swarm import SAMPLE_NETWORK, SAMPLE_RECIPIENT, Network

NETWORK_CLIENT = "network-client"
PATIENCE = 4
"""A thousand pages (SW-44) take longer than one call."""

NewClient = Annotated[str, Handle("network client", may_be_new=True)]
Client = Annotated[str, Handle("network client")]


class Open(Message):
    client: NewClient
    network: Network
    timeout_ms: int


class Change(Message):
    client: Client
    network: Network


class Store(Message):
    client: Client
    recipient: str
    data: str
    ttl_ms: int


class Sent(MessageHash):
    nodes: list[Hex32]


class Retrieve(Message):
    client: Client
    recipient: str


class Letters(Message):
    letters: list[Letter]


METHODS = (
    Method(
        name="network.open",
        capability=NETWORK_CLIENT,
        summary="Make a client of a network, of whatever size; `timeout_ms` is how long it waits for each answer.",
        params=Open,
        result=Nothing,
        errors=("InvalidMessage",),
        sample={"client": "sample", "network": SAMPLE_NETWORK, "timeout_ms": 1000},
    ),
    Method(
        name="network.change",
        capability=NETWORK_CLIENT,
        summary="Give a client another network, of a greater height.",
        params=Change,
        result=Nothing,
        errors=("InvalidMessage",),
        sample={"client": "sample", "network": SAMPLE_NETWORK},
    ),
    Method(
        name="network.store",
        capability=NETWORK_CLIENT,
        summary="Store data, base64, for a recipient; return the message hash, and the Ed25519 keys of the nodes that have acknowledged it.",
        params=Store,
        result=Sent,
        errors=("NotSent", "TooFewNodes", "InvalidEncoding", "OutOfRange", "TooLarge"),
        patience=PATIENCE,
        sample={"client": "sample", "recipient": SAMPLE_RECIPIENT, "data": "", "ttl_ms": 60_000},
    ),
    Method(
        name="network.retrieve",
        capability=NETWORK_CLIENT,
        summary="Fetch for a recipient; return what is new, in order. Each client has a mailbox for each recipient.",
        params=Retrieve,
        result=Letters,
        errors=("NoReply", "TooFewNodes", "InvalidEncoding"),
        patience=PATIENCE,
        sample={"client": "sample", "recipient": SAMPLE_RECIPIENT},
    ),
)
