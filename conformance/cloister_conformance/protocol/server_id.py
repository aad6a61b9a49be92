"""The methods of chapter 11 about ids on a server."""

from cloister_conformance.protocol.messages import Hex32, Message, Method

SERVER_IDS = "server-ids"
SAMPLE_SERVER_KEY = "09" + "00" * 31


class Derive(Message):
    seed: Hex32
    server_key: Hex32


class ServerIds(Message):
    blinded: str
    unblinded: str


class FindAccount(Message):
    id: str
    server_key: Hex32


class AccountId(Message):
    account_id: str


METHODS = (
    Method(
        name="server_id.derive",
        capability=SERVER_IDS,
        summary="Derive the ids with which the account of a seed signs on a server.",
        params=Derive,
        result=ServerIds,
        sample={"seed": "00" * 32, "server_key": SAMPLE_SERVER_KEY},
    ),
    Method(
        name="server_id.find_account",
        capability=SERVER_IDS,
        summary="Find the account that an id of any of the three forms leads to.",
        params=FindAccount,
        result=AccountId,
        errors=("InvalidEncoding", "InvalidKey"),
        sample={"id": "05" + SAMPLE_SERVER_KEY, "server_key": SAMPLE_SERVER_KEY},
    ),
)
