"""The file that a service node is started with, "The node file" of chapter 07."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cloister import identity, node_request, onion, storage
from cloister.identity import PrivateKey
from cloister.node_request import NodeKeys
from cloister.serving import server_file
from cloister.swarm import Network, check_key, refuse

MAX_BYTES = 3_758_096_384
MIN_BYTES = 65_536
"""The empty tables and a few messages."""


class NodeFile(BaseModel):
    """A node file; times in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True)

    seed: Annotated[str, refuse(check_key)] = Field(repr=False)
    host: str
    port: int = Field(ge=1, le=65535)
    data: Path
    network: Network
    clock: Path | None = None
    allow_private_targets: bool = False
    timeout_seconds: float = Field(default=onion.TIMEOUT_MS / 1000, gt=0)
    requests_per_second: float = Field(default=storage.REQUESTS_PER_SECOND, gt=0)
    request_burst: int = Field(default=storage.REQUEST_BURST, ge=1)
    metrics: bool = True
    max_bytes: int = Field(default=MAX_BYTES, ge=MIN_BYTES)

    @property
    def keys(self) -> NodeKeys:
        """The Ed25519 keys of the node."""
        return node_request.derive_keys(bytes.fromhex(self.seed))

    @property
    def private_key(self) -> PrivateKey:
        """The X25519 key that layers are opened with."""
        return identity.derive_identity(bytes.fromhex(self.seed)).private


def read(path: Path) -> NodeFile:
    """Read a node file.

    Raises:
        UnusableFile: it cannot be read, or is not of the form.
    """
    return server_file.read(path, NodeFile, what="the node file")
