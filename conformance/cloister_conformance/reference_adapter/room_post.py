"""Chapter 11, posts and their files, behind the adapter protocol."""

from cloister import identity, room_post, server_id
from cloister.room_post import RoomContent, RoomFile
from cloister.server_id import SigningId

from cloister_conformance.protocol import room_post as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.signed_request import choose_id


def name_poster(signer: SigningId) -> str:
    """Name the id under which others see a post: of an unblinded one its account."""
    if signer.id[0] == server_id.BLINDED:
        return signer.id.hex()
    return identity.encode_account_id(identity.derive_identity(signer.seed).public)


def take_file(file: messages.RoomFile) -> RoomFile:
    """Take a file as the reference does."""
    return RoomFile(id=int(file.id), name=file.name, size=int(file.size), hash=file.hash)


def describe_file(file: RoomFile) -> messages.RoomFile:
    """Describe a file."""
    return messages.RoomFile(id=str(file.id), name=file.name, size=str(file.size), hash=file.hash)


def write(params: messages.Write, handles: Handles) -> messages.SignedPost:
    signer = choose_id(params.seed, params.server_key, unblinded=params.unblinded)
    Z = params.random
    content = RoomContent(
        server_key=params.server_key,
        room=params.room,
        timestamp_ms=params.timestamp_ms,
        revision=params.revision,
        text=params.text,
        files=tuple(take_file(file) for file in params.files),
    )
    data, signature = room_post.write_post(signer, content, handles.random if Z is None else lambda size: Z)
    return messages.SignedPost(session_id=name_poster(signer), data=data, signature=signature)


def read(params: messages.Read, handles: Handles) -> messages.RoomContent:
    content = room_post.read_post(
        params.session_id, params.data, params.signature, server_key=params.server_key, room=params.room
    )
    return messages.RoomContent(
        timestamp_ms=content.timestamp_ms,
        revision=content.revision,
        text=content.text,
        files=[describe_file(file) for file in content.files],
    )


def check_file(params: messages.CheckFile, handles: Handles) -> Nothing:
    room_post.check_file(take_file(params.file), params.data)
    return Nothing()
