"""Chapter 07, what a client remembers, behind the adapter protocol."""

from cloister import mailbox

from cloister_conformance.protocol import mailbox as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles, UnknownHandle


def find_mailbox(handles: Handles, handle: str) -> mailbox.Mailbox:
    """Find a mailbox; one that does not exist remembers nothing."""
    try:
        return handles.get(handle, mailbox.Mailbox)
    except UnknownHandle:
        return mailbox.Mailbox()


def take(params: messages.Take, handles: Handles) -> messages.Hashes:
    letters = [
        mailbox.Letter(hash=letter.hash, expiration_ms=letter.expiration, data=letter.data) for letter in params.letters
    ]
    held, fresh = mailbox.take_letters(
        find_mailbox(handles, params.mailbox), params.node.hex(), letters, now_ms=params.now_ms
    )
    handles.put(params.mailbox, held)
    return messages.Hashes(hashes=[letter.hash for letter in fresh])


def cursor(params: messages.Cursor, handles: Handles) -> messages.LastHash:
    return messages.LastHash(last_hash=mailbox.find_cursor(find_mailbox(handles, params.mailbox), params.node.hex()))


def forget(params: messages.Forget, handles: Handles) -> Nothing:
    handles.put(params.mailbox, mailbox.forget_expired(find_mailbox(handles, params.mailbox), now_ms=params.now_ms))
    return Nothing()
