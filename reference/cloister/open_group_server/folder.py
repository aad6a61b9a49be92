"""The folder of a server that one command starts: `server.json`, the seed of its operator, its data.

It is made once, the server file last: where there is one, all else is there too. Whoever has the folder is the server.
"""

import json
import secrets
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cloister import errors, identity, server_id
from cloister.open_group_rights import BLACKLIST_GROUP
from cloister.open_group_server import operation, server_file
from cloister.open_group_server.database import Database, open_engine
from cloister.open_group_server.operation import SERVER_FILE
from cloister.open_group_server.server_file import ServerFile
from cloister.serving import process
from cloister.serving.clock import open_clock
from cloister.serving.server_file import UnusableFile, explain

OPERATOR_FILE = "operator.seed"
DATA = "data"
LOBBY, LOBBY_NAME = "lobby", "Lobby"
"""The room that is made at the first start."""
HOST, PORT = "127.0.0.1", 22080
OWNER_ONLY, OWNER_ONLY_FOLDER = 0o600, 0o700


class Contradiction(Exception):
    """What was asked for is not what the server file says; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line says of a server, None where it says nothing."""

    host: str | None = None
    port: int | None = None
    operator: str | None = None
    url: str | None = None
    database: str | None = None


def make(folder: Path, choices: Choices) -> ServerFile:
    """Make the folder of a server, with its database and a first room.

    Raises:
        UnusableFile: a choice is not of the form.
        AddressInUse: it could not listen there.
        NewerDatabase, UnusableDatabase: the database is not for this server, or does not open.
        OSError: the folder cannot be written.
    """
    operator_seed = read_operator_seed(folder) if choices.operator is None else None
    members = choose_members(choices, operator_seed)
    file = decode(members, folder)
    make_folder(file.data)
    with closing(Database(file.database_url)) as opened, opened.engine.begin() as connection:
        first = {"name": LOBBY_NAME, **BLACKLIST_GROUP}
        operation.create_room(connection, LOBBY, first, now_s=open_clock(file.clock)() / 1000)
    if operator_seed:
        write_secret(folder / OPERATOR_FILE, operator_seed.hex() + "\n")
    write_secret(folder / SERVER_FILE, json.dumps(members, indent=1) + "\n")
    return file


def choose_members(choices: Choices, operator_seed: bytes | None) -> dict[str, object]:
    """Choose the members of a server file; the operator is named, or its seed is given.

    Raises:
        UnusableFile: the operator that is named is none.
    """
    if operator_seed:
        operator = identity.encode_account_id(identity.derive_identity(operator_seed).public)
    else:
        operator = decode_operator(choices.operator or "")
    usual = {"host": HOST, "port": PORT, "data": DATA}
    seed = identity.generate_seed(secrets.token_bytes).hex()
    return {"seed": seed, **usual, **list_said(choices), "operator": operator}


def list_said(choices: Choices) -> dict[str, Any]:
    """List what the command line says, by the names of members of a server file."""
    said = {name: value for name, value in asdict(choices).items() if value is not None}
    return {name: value.rstrip("/") if name == "url" else value for name, value in said.items()}


def decode(members: dict[str, object], folder: Path) -> ServerFile:
    """Decode what will be a server file, and check that the server can listen and others can reach it.

    Raises:
        UnusableFile: it is not of the form.
        AddressInUse: it could not listen there.
    """
    try:
        file = server_file.place(ServerFile.model_validate(members), folder)
    except ValidationError as error:
        raise UnusableFile(explain(error)) from None
    assert file.base
    open_engine(file.database_url).dispose()
    process.listen(file.host, file.port).close()
    return file


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone, and those above it that are not there."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(OWNER_ONLY_FOLDER)


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(OWNER_ONLY)
    new.write_text(text, "utf-8")
    new.replace(file)


def read_operator_seed(folder: Path) -> bytes:
    """Read the seed of an operator that an earlier start has left behind, or generate one.

    Raises:
        UnusableFile: the file holds none.
    """
    file = folder / OPERATOR_FILE
    if not file.exists():
        return identity.generate_seed(secrets.token_bytes)
    try:
        return bytes.fromhex(server_file.check_seed(file.read_text("utf-8").strip()))
    except (errors.CloisterError, UnicodeDecodeError):
        raise UnusableFile(f"{file} holds no seed of 64 hex digits: mend it, or name the --operator") from None


def decode_operator(text: str, server_key: bytes | None = None) -> str:
    """Decode an id of the operator to its account id; a blinded one needs the server's key.

    Raises:
        UnusableFile: it is none.
    """
    if text.startswith("15") and server_key is None:
        raise UnusableFile("operator: a blinded id is one of another server: give the account id, which begins with 05")
    try:
        return server_id.decode_id(text, server_key=server_key or b"").hex()
    except errors.CloisterError as error:
        raise UnusableFile(f"operator: {text!r} is no id of an account: {error}") from None


def check_choices(path: Path, file: ServerFile, choices: Choices) -> None:
    """Check that the command line says of a server what its file, at a path, says.

    Raises:
        Contradiction: it does not.
        UnusableFile: it names an operator that is none.
    """
    said = list_said(choices)
    if "operator" in said:
        said["operator"] = decode_operator(said["operator"], file.keys.public[1:])
    for name, value in said.items():
        if getattr(file, name) != value:
            raise Contradiction(f"{path} says otherwise of {name}: change it there, or leave --{name} out")
