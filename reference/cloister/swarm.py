"""Chapter 07, first part: the network, and which swarm keeps the messages of a recipient.

- A network is an input; where it comes from is not part of the text.
- Of the two readings of the choice this is the one of 2022: true distances on the ring.

    >>> derive_space("053506f4a71324b7dd114eddbf4e311f39dde243e1f2cb97c40db1961f70ebaae8")
    17589930838143112648
    >>> choose_swarm([100, 200], 151)
    200
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cloister import errors, identity, wire
from cloister.identity import PublicKey

NO_SWARM = 2**64 - 1
RING = 2**64

KEY_DIGITS = 64
WORD_DIGITS = 16
ZBASE32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


def check_key(text: str) -> str:
    """Check the hex of a 32-byte key."""
    return wire.check_hex(text, KEY_DIGITS, what="key")


def check_x25519_key(text: str) -> str:
    """Check the hex of an X25519 key, without its type byte."""
    identity.decode_public_key(bytes([identity.KEY_TYPE]) + wire.decode_hex(text, what="key"))
    return text


def check_port(text: str) -> str:
    """Check a port."""
    wire.check_range(wire.decode_decimal(text, what="port"), 1, 65535, what="port")
    return text


def check_swarm_id(text: str) -> str:
    """Check the id of a swarm."""
    wire.check_range(wire.decode_decimal(text, what="swarm id"), 0, NO_SWARM, what="swarm id")
    return text


def refuse(check: Any) -> AfterValidator:  # noqa: ANN401 - any of the checks above
    """Let pydantic report what one of our checks refuses."""

    def validate(text: str) -> Any:  # noqa: ANN401
        try:
            return check(text)
        except errors.CloisterError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(validate)


NodeKey = Annotated[str, refuse(check_key)]
"""The Ed25519 key of a node, 64 hex digits."""


class Node(BaseModel):
    """A service node as it stands in JSON; the Ed25519 key names it."""

    model_config = ConfigDict(frozen=True)

    pubkey_ed25519: NodeKey
    pubkey_x25519: Annotated[str, refuse(check_x25519_key)]
    ip: str
    port: Annotated[str, refuse(check_port)]

    @property
    def x25519_key(self) -> PublicKey:
        """The key that layers are sealed to, 33 bytes."""
        return PublicKey(bytes([identity.KEY_TYPE]) + bytes.fromhex(self.pubkey_x25519))


class Swarm(BaseModel):
    """A swarm: its id below 2^64, decimal in JSON, and its nodes."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, refuse(check_swarm_id)]
    nodes: tuple[Node, ...]


class DifficultyChange(BaseModel):
    """The difficulty from a time on, in milliseconds."""

    model_config = ConfigDict(frozen=True)

    since: int = Field(ge=0)
    difficulty: int = Field(ge=1, lt=2**63)


class Network(BaseModel):
    """What everybody knows of the network; the height grows with each change."""

    model_config = ConfigDict(frozen=True)

    height: int = Field(ge=0)
    swarms: tuple[Swarm, ...]
    difficulties: tuple[DifficultyChange, ...] = ()

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """All nodes by their Ed25519 keys."""
        return {node.pubkey_ed25519: node for swarm in self.swarms for node in swarm.nodes}

    @cached_property
    def swarms_by_id(self) -> dict[int, Swarm]:
        """All swarms by their ids, in the order of these."""
        return dict(sorted({int(swarm.id): swarm for swarm in self.swarms}.items()))

    @cached_property
    def ids(self) -> list[int]:
        """The ids of all swarms in their order."""
        return list(self.swarms_by_id)


def decode_network(value: object) -> Network:
    """Decode a network from JSON values.

    Raises:
        InvalidMessage: it is not of the form.
    """
    try:
        return Network.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise errors.InvalidMessage(reason=f"the network: {where}: {first['msg']}") from None


def derive_space(recipient: str) -> int:
    """Derive the space of a recipient, 66 digits, below 2^64.

    Clauses: SW-1
    """
    digits = recipient[2:]
    words = [int(digits[at : at + WORD_DIGITS], 16) for at in range(0, len(digits), WORD_DIGITS)]
    return words[0] ^ words[1] ^ words[2] ^ words[3]


def choose_swarm(ids: Iterable[int], space: int) -> int:
    """Choose the id nearest to a space on the ring, the left one of two that are equally near.

    Raises:
        TooFewNodes: there is none.
    Clauses: SW-2, SW-3
    """
    candidates = [swarm_id for swarm_id in ids if swarm_id != NO_SWARM]
    if not candidates:
        raise errors.TooFewNodes(needed=1, got=0)
    left = max((swarm_id for swarm_id in candidates if swarm_id < space), default=max(candidates))
    right = min((swarm_id for swarm_id in candidates if swarm_id >= space), default=min(candidates))
    return right if (right - space) % RING < (space - left) % RING else left


def find_swarm(network: Network, recipient: str) -> Swarm:
    """Find the swarm of a recipient.

    Raises:
        TooFewNodes: the network has no swarm.
    Clauses: SW-2, SW-3
    """
    space = derive_space(recipient)
    return network.swarms_by_id[choose_swarm(find_near(network.ids, space), space)]


def find_near(ids: Sequence[int], space: int) -> set[int]:
    """Find the two ids on each side of a space, of ids in their order: one of these is chosen, for one may be `NO_SWARM`."""
    at = bisect_left(ids, space)
    return {ids[(at + step) % len(ids)] for step in (-2, -1, 0, 1) if ids}


def find_node(network: Network, key: str) -> Node:
    """Find a node by its Ed25519 key in hex.

    Raises:
        UnknownNode: there is none.
    Clauses: OR-11
    """
    if key not in network.nodes:
        raise errors.UnknownNode(key=key)
    return network.nodes[key]


def is_in_swarm(network: Network, key: str) -> bool:
    """Tell whether a node is in a swarm that can keep messages.

    Clauses: SW-17, OR-13
    """
    return any(holds(swarm, key) for swarm in network.swarms if int(swarm.id) != NO_SWARM)


def holds(swarm: Swarm, key: str) -> bool:
    """Tell whether a swarm holds the node with an Ed25519 key."""
    return any(node.pubkey_ed25519 == key for node in swarm.nodes)


def encode_snodes(swarm: Swarm) -> dict[str, Any]:
    """Encode the nodes of a swarm as an answer.

    Clauses: SW-4, SW-5
    """
    return {"snodes": [{"address": encode_address(node), **node.model_dump()} for node in swarm.nodes]}


def encode_address(node: Node) -> str:
    """Encode the Ed25519 key of a node in z-base-32, with `.snode` behind it."""
    bits = int(node.pubkey_ed25519, 16) << 4  # 256 bits are 51 characters and one bit; four zeros fill the last
    return "".join(ZBASE32[bits >> shift & 31] for shift in range(255, -1, -5)) + ".snode"
