"""Two actors and the sessions between them: what the suites of chapter 03 and `cloister matrix` arrange."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from cloister.identity import KeyPair

from cloister_conformance.hand_made.pairwise_sessions import NOTHING, VERSION
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import NOW

Bundle = dict[str, Any]


class Frame(NamedTuple):
    """What is sent: its kind and its bytes."""

    kind: str
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a conversation: an actor, the handle and identity of its account, and the handle of its record."""

    actor: Actor
    account: str
    identity: KeyPair
    session: str = ""

    @property
    def handle(self) -> str:
        """The handle of what is sent and read with."""
        return self.session

    def at(self, handle: str) -> "Side":
        """Return this side with another record."""
        return replace(self, session=handle)

    def create_account(self) -> None:
        """Create the account."""
        self.actor.call(
            "x3dh.create_account", account=self.account, private_key=self.identity.private, now_ms=NOW
        ).must_be()

    def meet(self, other: "Side", session: str = "") -> "Side":
        """Create a record for the other side; return this side of that conversation."""
        side = replace(self, session=session or f"{self.account} with {other.account}")
        self.actor.call(
            "session.create", session=side.session, account=self.account, identity_key=other.identity.public
        ).must_be()
        return side

    def create_bundle(self, *, one_time: bool, now_ms: int = NOW) -> Bundle:
        """Create a bundle, with a one-time prekey or without."""
        if one_time:
            answer = self.actor.call("x3dh.create_bundle", account=self.account, now_ms=now_ms)
        else:
            answer = self.actor.call("x3dh.create_plain_bundle", account=self.account, now_ms=now_ms)
        bundle: Bundle = answer.result.model_dump()
        return bundle

    def ask(self, *, now_ms: int = NOW) -> bytes:
        """Create a session request to the other side."""
        request: bytes = self.actor.call("session_request.create", session=self.session, now_ms=now_ms).result.request
        return request

    def open(self, bundle: Bundle, *, now_ms: int = NOW) -> Answer:
        """Open a session from a bundle."""
        return self.actor.call("session.open", session=self.session, now_ms=now_ms, **bundle)

    def try_encrypt(self, plaintext: bytes) -> Answer:
        """Encrypt for the other side, or be refused."""
        return self.actor.call("session.encrypt", session=self.session, plaintext=plaintext)

    def encrypt(self, plaintext: bytes = b"x") -> Frame:
        """Encrypt for the other side."""
        result = self.try_encrypt(plaintext).result
        return Frame(result.kind, result.message)

    def decrypt(self, frame: Frame, *, now_ms: int = NOW) -> Answer:
        """Decrypt what the other side sent."""
        return self.actor.call(
            "session.decrypt", session=self.session, kind=frame.kind, message=frame.message, now_ms=now_ms
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RatchetSide:
    """One side of a conversation of bare ratchets, without accounts: an actor, and the handle of its ratchet."""

    actor: Actor
    handle: str = "ratchet"

    def at(self, handle: str) -> "RatchetSide":
        """Return this side with another ratchet."""
        return replace(self, handle=handle)

    def try_encrypt(self, plaintext: bytes) -> Answer:
        """Encrypt for the other side, or be refused."""
        return self.actor.call("double_ratchet.encrypt", ratchet=self.handle, plaintext=plaintext)

    def encrypt(self, plaintext: bytes = b"x") -> Frame:
        """Encrypt for the other side."""
        return Frame("message", self.try_encrypt(plaintext).result.message)

    def decrypt(self, frame: Frame) -> Answer:
        """Decrypt what the other side sent."""
        return self.actor.call("double_ratchet.decrypt", ratchet=self.handle, message=frame.message)


AnySide = Side | RatchetSide


def exchange(sender: AnySide, receiver: AnySide, plaintext: bytes = b"x") -> None:
    """Let one side write and the other read."""
    receiver.decrypt(sender.encrypt(plaintext)).must_be(plaintext=plaintext)


def establish(initiator: Side, responder: Side, *, one_time: bool) -> None:
    """Open a session from the responder's bundle, and let each side read once."""
    initiator.open(responder.create_bundle(one_time=one_time)).must_be()
    exchange(initiator, responder)
    exchange(responder, initiator)


# What no honest writer would send; only the peer makes it.


def make_message(
    side: AnySide,
    plaintext: bytes = b"x",
    counter: int = 0,
    other: Mapping[int, bytes] = NOTHING,
    *,
    version: bytes = VERSION,
    covered: Mapping[int, bytes] | None = None,
    sender: bytes | None = None,
    receiver: bytes | None = None,
    blocks: int | None = None,
) -> Frame:
    """Let the peer write a message of any counter in a chain in which it sent nothing; `other={3: ...}` replaces field 3.

    `blocks` cuts its ciphertext. The MAC is that of a message with the fields `covered`, `sender` and `receiver`, where these are given.
    """
    result = side.actor.call(
        "hand_made.message",
        writer=side.handle,
        plaintext=plaintext,
        counter=counter,
        fields=name_fields(other),
        version=version,
        covered=None if covered is None else name_fields(covered),
        sender=sender,
        receiver=receiver,
        blocks=blocks,
    ).result
    return Frame(result.kind, result.message)


def make_prekey_message(side: Side, inner: Frame, other: Mapping[int, bytes] = NOTHING) -> Frame:
    """Let the peer write a prekey message around any message."""
    result = side.actor.call(
        "hand_made.prekey_message", writer=side.handle, message=inner.message, fields=name_fields(other)
    ).result
    return Frame(result.kind, result.message)


def make_first(side: AnySide, plaintext: bytes = b"x", counter: int = 0) -> Frame:
    """Let the peer write a message that is read before it was answered: in a session, a prekey message."""
    message = make_message(side, plaintext, counter)
    return make_prekey_message(side, message) if isinstance(side, Side) else message


def name_fields(fields: Mapping[int, bytes]) -> dict[str, bytes]:
    """Turn the numbers of fields into names, as JSON wants them."""
    return {str(number): encoded for number, encoded in fields.items()}
