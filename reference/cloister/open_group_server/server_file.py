"""The file that an open-group server is started with, "The server file" of chapter 11."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cloister import errors, identity, open_group_bodies, room, signed_request, storage, wire
from cloister.identity import SEED_BYTES, KeyPair
from cloister.open_group_server.database import FILE
from cloister.serving import server_file
from cloister.serving.server_file import UnusableFile
from cloister.swarm import refuse

ALL_ADDRESSES = ("", "0.0.0.0", "::")  # noqa: S104 - nobody is bound to them here


def check_seed(text: str) -> str:
    """Check that a text is a seed in hex."""
    return wire.check_hex(text, 2 * SEED_BYTES, what="seed")


def check_account(text: str) -> str:
    """Check that a text is an account id."""
    identity.decode_account_id(text)
    return text


def check_url(text: str) -> str:
    """Check that a text is what stands before a room's token in a link."""
    try:
        room.decode_link(f"{text}/token?public_key={64 * '1'}")
    except errors.InvalidMessage:
        raise ValueError("url is http:// or https://, a host, and :PORT if it is not the usual one") from None
    return text


def check_room(members: dict[str, Any]) -> dict[str, Any]:
    """Check that members are a token, a name, and what else may be changed of a room, but for an image."""
    token, changes = members.get("token"), {name: value for name, value in members.items() if name != "token"}
    if not isinstance(token, str) or not room.TOKEN.fullmatch(token):
        raise ValueError("token has 1 to 64 characters of a-z A-Z 0-9 _ -")
    if "name" not in changes or "image" in changes:
        raise ValueError("a room has a name, and no image before one is uploaded")
    try:
        open_group_bodies.check_room_changes(changes)
    except signed_request.Refusal as refusal:
        raise ValueError(refusal.reason) from None
    return members


class ServerFile(BaseModel):
    """A server file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Annotated[str, refuse(check_seed)] = Field(repr=False)
    host: str
    port: int = Field(ge=1, le=65535)
    data: Path
    operator: Annotated[str, refuse(check_account)]
    rooms: tuple[Annotated[dict[str, Any], AfterValidator(check_room)], ...] = ()
    clock: Path | None = None
    blinding_required: bool = True
    database: str | None = Field(default=None, repr=False)
    requests_per_second: float = Field(default=storage.REQUESTS_PER_SECOND, gt=0)
    request_burst: int = Field(default=storage.REQUEST_BURST, ge=1)
    metrics: bool = True
    max_bytes: int | None = Field(default=None, ge=0)
    url: Annotated[str, AfterValidator(check_url)] | None = None
    timeout_seconds: float = Field(default=60, gt=0)

    @property
    def keys(self) -> KeyPair:
        """The X25519 key pair of the server."""
        return identity.derive_identity(bytes.fromhex(self.seed))

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return f"sqlite:///{self.data / FILE}" if self.database is None else self.database

    @property
    def base(self) -> str:
        """What stands before a room's token in a link.

        Raises:
            UnusableFile: the server listens at all its addresses, and does not say at which others reach it.
        """
        if self.url is None and self.host in ALL_ADDRESSES:
            raise UnusableFile(
                f"others do not reach {self.host or 'an empty host'}: say where, with --url, or `url` in the server file"
            )
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url or f"http://{host}:{self.port}"


def read(path: Path) -> ServerFile:
    """Read a server file; its folder of data, if not absolute, stands beside it.

    Raises:
        UnusableFile: it cannot be read, or is not of the form.
    """
    return place(server_file.read(path, ServerFile, what="the server file"), path.parent)


def place(file: ServerFile, folder: Path) -> ServerFile:
    """Place a server file in a folder, in which its data is too if that is not an absolute path."""
    return file.model_copy(update={"data": folder / file.data})
