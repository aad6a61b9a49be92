"""What a responder whose prekeys are known is given, step by step; used by the scenarios of chapter 03."""

from dataclasses import replace

from cloister_conformance.hand_made.pairwise_sessions import (
    ALICE,
    ONE_TIME_PREKEY_ID,
    SIGNED_PREKEY_ID,
    Chain,
    Initiator,
    Keys,
    make_pair,
)
from cloister_conformance.vector_files.cases import Json, answered, refused

NOW_MS = 1_600_000_000_000
SESSION = "bob with alice"
KEYS = Keys()
PLAIN_KEYS = Keys(one_time=None)


def usual_plaintext(counter: int) -> bytes:
    """Return the usual plaintext of a counter: `message N` in ASCII."""
    return f"message {counter}".encode("ascii")


def prepare(keys: Keys = KEYS, *, at: int = NOW_MS) -> list[Json]:
    """Describe Bob's account with prekeys that are given, and his record of Alice."""
    account = {"account": "bob", "private_key": keys.identity.private, "now_ms": at}
    record = {"session": SESSION, "account": "bob", "identity_key": ALICE.public}
    return [
        answered("x3dh.create_account", account, {}),
        import_prekeys(keys, at=at),
        answered("session.create", record, {}),
    ]


def import_prekeys(keys: Keys, *, at: int = NOW_MS, signed_id: int = SIGNED_PREKEY_ID) -> Json:
    """Describe the import of prekeys."""
    inputs = {"account": "bob", "signed_prekey_id": signed_id, "signed_prekey_private": keys.signed.private}
    if keys.one_time:
        inputs |= {"one_time_prekey_id": ONE_TIME_PREKEY_ID, "one_time_prekey_private": keys.one_time.private}
    return answered("x3dh.import_prekeys", {**inputs, "now_ms": at}, {})


def opener(number: int, keys: Keys = KEYS) -> Initiator:
    """Alice, who opens a session; another number gives another session."""
    return Initiator(keys=keys, base=make_pair(100 + number), ratchet=make_pair(180 + number))


def first(alice: Initiator, counter: int = 0) -> bytes:
    """Build the prekey message around the usual message of a counter."""
    return alice.prekey_message(message(alice.chain, counter))


def message(chain: Chain, counter: int) -> bytes:
    """Build the usual message of a counter."""
    return chain.message(usual_plaintext(counter), counter)


def without_one_time(alice: Initiator) -> Initiator:
    """The same Alice, with a bundle without a one-time prekey."""
    return replace(alice, keys=replace(alice.keys, one_time=None))


def call(kind: str, frame: bytes, at: int) -> Json:
    """The members of a call that decrypts."""
    return {"session": SESSION, "kind": kind, "message": frame, "now_ms": at}


def read_first(alice: Initiator, *counters: int, at: int = NOW_MS) -> list[Json]:
    """Describe the decryption of good prekey messages, in this order."""
    return [
        answered(
            "session.decrypt",
            call("prekey message", first(alice, counter), at),
            {"plaintext": usual_plaintext(counter).hex()},
        )
        for counter in counters
    ]


def read(alice: Initiator, *counters: int, at: int = NOW_MS) -> list[Json]:
    """Describe the decryption of good messages, in this order."""
    chain = alice.chain
    return [
        answered(
            "session.decrypt",
            call("message", message(chain, counter), at),
            {"plaintext": usual_plaintext(counter).hex()},
        )
        for counter in counters
    ]


def refuse(frame: bytes, error: str, *, kind: str = "message", at: int = NOW_MS) -> list[Json]:
    """Describe the refusal of a frame."""
    return [refused("session.decrypt", call(kind, frame, at), error)]


def refuse_first(frame: bytes, error: str, *, at: int = NOW_MS) -> list[Json]:
    """Describe the refusal of a prekey message."""
    return refuse(frame, error, kind="prekey message", at=at)
