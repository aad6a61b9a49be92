"""Two actors and the sessions between them: what the suites of chapter 03 and `cloister matrix` arrange."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from cloister.identity import KeyPair

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

    def create_account(self, *, now_ms: int = NOW) -> None:
        """Create the account."""
        self.actor.call(
            "x3dh.create_account", account=self.account, private_key=self.identity.private, now_ms=now_ms
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

    def encrypt(self, plaintext: bytes = b"x") -> Frame:
        """Encrypt for the other side."""
        result = self.actor.call("session.encrypt", session=self.session, plaintext=plaintext).result
        return Frame(result.kind, result.message)

    def decrypt(self, frame: Frame, *, now_ms: int = NOW) -> Answer:
        """Decrypt what the other side sent."""
        return self.actor.call(
            "session.decrypt", session=self.session, kind=frame.kind, message=frame.message, now_ms=now_ms
        )


def exchange(sender: Side, receiver: Side, plaintext: bytes = b"x") -> None:
    """Let one side write and the other read."""
    receiver.decrypt(sender.encrypt(plaintext)).must_be(plaintext=plaintext)


def establish(initiator: Side, responder: Side, *, one_time: bool) -> None:
    """Open a session from the responder's bundle, and let each side read once."""
    initiator.open(responder.create_bundle(one_time=one_time)).must_be()
    exchange(initiator, responder)
    exchange(responder, initiator)
