"""Chapter 11, ids on a server, behind the adapter protocol."""

from cloister import identity, server_id

from cloister_conformance.protocol import server_id as messages
from cloister_conformance.reference_adapter.handles import Handles


def derive(params: messages.Derive, handles: Handles) -> messages.ServerIds:
    return messages.ServerIds(
        blinded=server_id.derive_blinded_id(params.seed, server_key=params.server_key).id.hex(),
        unblinded=server_id.derive_unblinded_id(params.seed).id.hex(),
    )


def find_account(params: messages.FindAccount, handles: Handles) -> messages.AccountId:
    account = server_id.decode_id(params.id, server_key=params.server_key)
    return messages.AccountId(account_id=identity.encode_account_id(account))
