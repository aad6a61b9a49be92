"""Chapter 11, signed requests, behind the adapter protocol."""

from cloister import identity, server_id, signed_request
from cloister.server_id import SigningId
from cloister.signed_request import HEADERS, Refusal, Request

from cloister_conformance.protocol import signed_request as messages
from cloister_conformance.reference_adapter.handles import Handles

SUCCESS = 200


def choose_id(seed: bytes, server_key: bytes, *, unblinded: bool | None) -> SigningId:
    """Choose the id of an account that signs."""
    if unblinded:
        return server_id.derive_unblinded_id(seed)
    return server_id.derive_blinded_id(seed, server_key=server_key)


def sign(params: messages.Sign, handles: Handles) -> messages.SignatureHeaders:
    nonce = params.nonce
    random = handles.random if nonce is None else lambda size: nonce
    headers = signed_request.sign_request(
        choose_id(params.seed, params.server_key, unblinded=params.unblinded),
        Request(method=params.method, target=params.target, body=params.body),
        server_key=params.server_key,
        now_s=params.now_s,
        random=random,
    )
    signing_id, nonce_text, timestamp, signature = (headers[name] for name in HEADERS)
    return messages.SignatureHeaders(id=signing_id, nonce=nonce_text, timestamp=timestamp, signature=signature)


def check(params: messages.Check, handles: Handles) -> messages.Checked:
    given = zip(HEADERS, (params.id, params.nonce, params.timestamp, params.signature), strict=True)
    request = Request(method=params.method, target=params.target, body=params.body)
    try:
        found = signed_request.read_signature(
            {name: text for name, text in given if text is not None}, blinding_required=params.blinding_required
        )
        if found is None:
            return messages.Checked(status=SUCCESS)
        signed_request.check_signature(found, request, server_key=params.server_key, now_s=params.now_s)
    except Refusal as refusal:
        return messages.Checked(status=refusal.status)
    account = server_id.find_account(found.id, server_key=params.server_key)
    return messages.Checked(status=SUCCESS, account_id=identity.encode_account_id(account))
