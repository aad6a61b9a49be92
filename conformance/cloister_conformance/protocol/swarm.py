"""The first methods of chapter 07: space and choice. Swarm ids and spaces are decimal texts, because they reach 2^64 - 1."""

from typing import Annotated

from pydantic import StringConstraints

from cloister_conformance.protocol.messages import Message, Method

Decimal = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,19})$")]
Recipient = Annotated[str, StringConstraints(pattern=r"^05[0-9a-f]{64}$")]


class Node(Message):
    pubkey_ed25519: str
    pubkey_x25519: str
    ip: str
    port: str


class Swarm(Message):
    id: Decimal
    nodes: list[Node]


class DifficultyChange(Message):
    since: int
    difficulty: int


class Network(Message):
    height: int
    swarms: list[Swarm]
    difficulties: list[DifficultyChange]


class AddressedNode(Node):
    address: str


class Space(Message):
    recipient: Recipient


class SpaceValue(Message):
    space: Decimal


class Choose(Message):
    ids: list[Decimal]
    space: Decimal


class SwarmId(Message):
    id: Decimal


class Find(Message):
    recipient: Recipient
    network: Network


class NodesOfSwarm(Message):
    snodes: list[AddressedNode]


SAMPLE_RECIPIENT = "05" + "00" * 32
SAMPLE_NETWORK = {"height": 1, "swarms": [{"id": "1", "nodes": []}], "difficulties": []}

METHODS = (
    Method(
        name="swarm.space",
        capability="swarms",
        summary="Derive the space of a recipient.",
        params=Space,
        result=SpaceValue,
        sample={"recipient": SAMPLE_RECIPIENT},
    ),
    Method(
        name="swarm.choose",
        capability="swarms",
        summary="Choose a swarm for a space.",
        params=Choose,
        result=SwarmId,
        errors=("TooFewNodes",),
        readings=("2020",),
        sample={"ids": ["1"], "space": "0"},
    ),
    Method(
        name="swarm.find",
        capability="storage-rules",
        summary="Find the nodes of a recipient's swarm, as `get_snodes_for_pubkey` answers them.",
        params=Find,
        result=NodesOfSwarm,
        errors=("TooFewNodes",),
        sample={"recipient": SAMPLE_RECIPIENT, "network": SAMPLE_NETWORK},
    ),
)
