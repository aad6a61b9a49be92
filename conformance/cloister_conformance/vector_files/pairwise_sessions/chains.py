"""A peer that sends under several ratchet keys of its own, because the reader answers, and what the reader is given of it.

The reader's ratchet keys are given too, so all frames are known beforehand and the reader need not write any of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cloister.chain import ChainKey
from cloister.identity import KeyPair, PublicKey

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.pairwise_sessions import Chain
from cloister_conformance.vector_files.cases import Json, answered, refused
from cloister_conformance.vector_files.pairwise_sessions import formulas


def usual_plaintext(turn: int, counter: int) -> bytes:
    """The usual plaintext of a counter in the chain of a turn."""
    return f"turn {turn}, message {counter}".encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The peer's chains, one for each turn, with the ratchet keys and chains with which the reader answers each.

    `method` and `members` are those of the call that decrypts.
    """

    method: str
    members: Json
    chains: Sequence[Chain]
    answers: Sequence[KeyPair]
    answering: Sequence[Chain]

    def message(self, turn: int, counter: int = 0) -> bytes:
        """Build the usual message of a counter in the chain of a turn."""
        return self.chains[turn].message(usual_plaintext(turn, counter), counter)

    def call(self, frame: bytes, turn: int | None = None) -> Json:
        """The members of a call; the reader's next ratchet key is given where the frame brings a new one."""
        new = {} if turn is None else {"ratchet_private": self.answers[turn].private}
        return {**self.members, "message": frame, **new}

    def first(self, turn: int, counter: int = 0, frame: bytes | None = None) -> list[Json]:
        """Describe the decryption of the first message that is read of a chain."""
        message = self.message(turn, counter) if frame is None else frame
        return [answered(self.method, self.call(message, turn), {"plaintext": usual_plaintext(turn, counter).hex()})]

    def read(self, turn: int, *counters: int) -> list[Json]:
        """Describe the decryption of further messages of a chain, in this order."""
        return [
            answered(
                self.method,
                self.call(self.message(turn, counter)),
                {"plaintext": usual_plaintext(turn, counter).hex()},
            )
            for counter in counters
        ]

    def refuse(self, frame: bytes, error: str, turn: int | None = None) -> list[Json]:
        """Describe the refusal of a frame; the turn is that which it pretends to begin."""
        return [refused(self.method, self.call(frame, turn), error)]


def alternate(
    root_key: bytes,
    ours: KeyPair,
    theirs: Sequence[KeyPair],
    label: str,
    *,
    reader: PublicKey,
    peer: PublicKey,
    method: str,
    members: Json,
) -> Turns:
    """Compute the chains of a conversation in which each side answers the other's latest ratchet key with a new one."""
    chains, answers, answering = [], [], []
    for turn, pair in enumerate(theirs):
        root_key, chain_key = formulas.step(root_key, pair.private, ours.public)
        chains.append(make_chain(peer, reader, pair, chain_key))
        ours = material.derive_key_pair(f"{label} answer {turn}")
        root_key, chain_key = formulas.step(root_key, ours.private, pair.public)
        answers.append(ours)
        answering.append(make_chain(reader, peer, ours, chain_key))
    return Turns(method=method, members=members, chains=chains, answers=answers, answering=answering)


def make_chain(sender: PublicKey, receiver: PublicKey, pair: KeyPair, chain_key: bytes) -> Chain:
    """Make a sending chain from its first chain key."""
    return Chain(sender=sender, receiver=receiver, ratchet_key=pair.public, chain_key=ChainKey(chain_key))
