"""Chapter 03, second part: the Double Ratchet of one session.

- A ratchet is a value: reading and writing give a new one, and a refused frame gives none.
- Nothing derived from a frame is kept before its MAC is right.
- Who the two sides are is in every MAC; how they came to a root key is `x3dh`'s.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cloister import chain, errors, identity, wire
from cloister._proto import pairwise_sessions_pb2
from cloister.chain import ChainKey, Seed
from cloister.identity import KeyPair, PublicKey
from cloister.x3dh import RootKey

RATCHET_INFO = b"WhisperRatchet"
MESSAGE_INFO = b"WhisperMessageKeys"
MAC_BYTES = 8
MAX_FORWARD_JUMPS = 2000
MAX_SKIPPED_KEYS = 2000
MAX_COUNTER = 2**31 - 1
MAX_RECEIVING_CHAINS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingChain:
    """Our ratchet key and the chain under it; `counter` is that of the next message."""

    pair: KeyPair
    chain_key: ChainKey = field(repr=False)
    counter: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivingChain:
    """The chain under one ratchet key of the peer; `counter` is the first that was not yet derived."""

    ratchet_key: PublicKey
    chain_key: ChainKey = field(repr=False)
    counter: int = 0
    skipped: Mapping[int, Seed] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratchet:
    """The state of one session; receiving chains are newest first."""

    ours: PublicKey
    theirs: PublicKey
    root_key: RootKey = field(repr=False)
    sending: SendingChain
    previous_counter: int = 0
    receiving: tuple[ReceivingChain, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A decoded message; `body` is what the MAC covers beside the identity keys. Nothing reads `previous_counter` (PS-39)."""

    ratchet_key: PublicKey
    counter: int
    previous_counter: int
    ciphertext: bytes
    body: bytes
    mac: bytes


# Starting


def start_as_initiator(
    root_key: RootKey,
    chain_key: ChainKey,
    ratchet_key: PublicKey,
    random: wire.Random,
    *,
    ours: PublicKey,
    theirs: PublicKey,
) -> Ratchet:
    """Start the ratchet of whoever opens a session; `ratchet_key` is the peer's signed prekey.

    Clauses: PS-14
    """
    pair = identity.generate_key_pair(random)
    root_key, sending_key = step_root_key(root_key, pair, ratchet_key)
    return Ratchet(
        ours=ours,
        theirs=theirs,
        root_key=root_key,
        sending=SendingChain(pair=pair, chain_key=sending_key),
        receiving=(ReceivingChain(ratchet_key=ratchet_key, chain_key=chain_key),),
    )


def start_as_responder(
    root_key: RootKey, chain_key: ChainKey, pair: KeyPair, *, ours: PublicKey, theirs: PublicKey
) -> Ratchet:
    """Start the ratchet of whoever reads a first message; `pair` is the signed prekey."""
    return Ratchet(ours=ours, theirs=theirs, root_key=root_key, sending=SendingChain(pair=pair, chain_key=chain_key))


# Keys


def step_root_key(root_key: RootKey, ours: KeyPair, theirs: PublicKey) -> tuple[RootKey, ChainKey]:
    """Step the root key with a ratchet key of each side; return it and the first key of a chain.

    Clauses: PS-35
    """
    derived = chain.derive_key(identity.agree(ours.private, theirs), root_key, RATCHET_INFO, 64)
    return RootKey(derived[:32]), ChainKey(derived[32:])


def derive_message_keys(seed: Seed) -> tuple[bytes, bytes, bytes]:
    """Derive the cipher key, 32 bytes, the MAC key, 32 bytes, and the IV, 16 bytes, of a message.

    Clauses: PS-27
    """
    derived = chain.derive_key(seed, chain.ZERO_SALT, MESSAGE_INFO, 80)
    return derived[:32], derived[32:64], derived[64:]


def derive_mac(mac_key: bytes, sender: PublicKey, receiver: PublicKey, body: bytes) -> bytes:
    """Derive the MAC of a message, 8 bytes.

    Clauses: PS-29
    """
    return hmac.digest(mac_key, sender + receiver + body, "sha256")[:MAC_BYTES]


# Sending


def encrypt(ratchet: Ratchet, plaintext: bytes) -> tuple[Ratchet, bytes]:
    """Encrypt a message; return the advanced ratchet, to be stored before the frame is sent, and the frame.

    Raises:
        TooLarge: the frame would be longer than `MAX_CONTENT_BYTES`.
    Clauses: PS-28, PS-29, PS-37, PS-38, PS-67, NE-7, NE-15, NE-19
    """
    sending = ratchet.sending
    cipher_key, mac_key, iv = derive_message_keys(chain.derive_seed(sending.chain_key))

    body = wire.encode_frame(
        pairwise_sessions_pb2.SignalMessage(
            ratchet_key=sending.pair.public,
            counter=sending.counter,
            previous_counter=ratchet.previous_counter,
            ciphertext=chain.encrypt_cbc(cipher_key, iv, plaintext),
        )
    )

    frame = body + derive_mac(mac_key, ratchet.ours, ratchet.theirs, body)
    wire.check_content_size(frame)

    advanced = replace(sending, chain_key=chain.derive_next_chain_key(sending.chain_key), counter=sending.counter + 1)
    return replace(ratchet, sending=advanced), frame


# Receiving


def decode_message(frame: bytes) -> Message:
    """Decode an unverified message.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion: the frame is not well-formed.
        OutOfRange: the counter is above `MAX_COUNTER`.
        InvalidKey: the ratchet key is not acceptable.
    Clauses: PS-25, PS-30, PS-33, PS-34
    """
    protobuf, mac = wire.split_frame(frame, trailer_bytes=MAC_BYTES)
    fields = wire.decode_protobuf(pairwise_sessions_pb2.SignalMessage, protobuf, optional=("previous_counter",))
    wire.check_range(fields.counter, 0, MAX_COUNTER, what="counter")
    return Message(
        ratchet_key=identity.decode_public_key(fields.ratchet_key),
        counter=fields.counter,
        previous_counter=fields.previous_counter,
        ciphertext=fields.ciphertext,
        body=frame[:-MAC_BYTES],
        mac=mac,
    )


def decrypt(ratchet: Ratchet, message: Message, random: wire.Random) -> tuple[Ratchet, bytes]:
    """Decrypt an unverified message; return the new ratchet, to be stored before the plaintext is shown, and the plaintext.

    Raises:
        DuplicateMessage, TooFarAhead: read before, or over the bound.
        InvalidMac: not from the peer, or not of this session.
        DecryptionFailed: the ciphertext does not decrypt.
    Clauses: PS-36, PS-39, PS-40, PS-48, PS-49
    """
    held = find_receiving_chain(ratchet, message.ratchet_key)
    if held is None:
        return decrypt_in_new_chain(ratchet, message, random)
    receiving, seed = take_seed(held, message.counter)
    plaintext = open_message(ratchet, message, seed)
    return drop_skipped(replace_receiving_chain(ratchet, receiving)), plaintext


def decrypt_in_new_chain(ratchet: Ratchet, message: Message, random: wire.Random) -> tuple[Ratchet, bytes]:
    """Decrypt an unverified message whose ratchet key is new.

    Raises:
        TooFarAhead, InvalidMac, DecryptionFailed: as `decrypt`.
    Clauses: PS-36, PS-43
    """
    root_key, chain_key = step_root_key(ratchet.root_key, ratchet.sending.pair, message.ratchet_key)
    begun = ReceivingChain(ratchet_key=message.ratchet_key, chain_key=chain_key)
    receiving, seed = take_seed(begun, message.counter)
    plaintext = open_message(ratchet, message, seed)
    return drop_skipped(step_ratchet(ratchet, root_key, receiving, random)), plaintext


def find_receiving_chain(ratchet: Ratchet, ratchet_key: PublicKey) -> ReceivingChain | None:
    """Find the receiving chain under a ratchet key."""
    return next((held for held in ratchet.receiving if held.ratchet_key == ratchet_key), None)


def take_seed(receiving: ReceivingChain, counter: int) -> tuple[ReceivingChain, Seed]:
    """Take the seed of a counter out of a chain.

    Raises:
        DuplicateMessage: it was taken before, or dropped.
        TooFarAhead: it is more than `MAX_FORWARD_JUMPS` ahead.
    Clauses: PS-40, PS-41, PS-42, PS-43
    """
    if counter < receiving.counter:
        if counter not in receiving.skipped:
            raise errors.DuplicateMessage(index=counter)
        others = {index: seed for index, seed in receiving.skipped.items() if index != counter}
        return replace(receiving, skipped=others), receiving.skipped[counter]

    if counter - receiving.counter > MAX_FORWARD_JUMPS:
        raise errors.TooFarAhead(index=counter, bound=MAX_FORWARD_JUMPS)
    chain_key = receiving.chain_key
    skipped = dict(receiving.skipped)
    for index in range(receiving.counter, counter):
        skipped[index] = chain.derive_seed(chain_key)
        chain_key = chain.derive_next_chain_key(chain_key)
    advanced = replace(
        receiving, chain_key=chain.derive_next_chain_key(chain_key), counter=counter + 1, skipped=skipped
    )
    return advanced, chain.derive_seed(chain_key)


def open_message(ratchet: Ratchet, message: Message, seed: Seed) -> bytes:
    """Verify and decrypt a message with its seed.

    Raises:
        InvalidMac: not from the peer.
        DecryptionFailed: the ciphertext does not decrypt.
    Clauses: PS-29, PS-30, PS-31, PS-32
    """
    cipher_key, mac_key, iv = derive_message_keys(seed)
    if not hmac.compare_digest(derive_mac(mac_key, ratchet.theirs, ratchet.ours, message.body), message.mac):
        raise errors.InvalidMac
    return chain.decrypt_cbc(cipher_key, iv, message.ciphertext)


def step_ratchet(ratchet: Ratchet, root_key: RootKey, receiving: ReceivingChain, random: wire.Random) -> Ratchet:
    """Take up a new receiving chain, whose root key is given, and begin a new sending chain.

    Clauses: PS-36, PS-38, PS-46, PS-47, PS-49, PS-50
    """
    pair = identity.generate_key_pair(random)
    root_key, sending_key = step_root_key(root_key, pair, receiving.ratchet_key)
    return replace(
        ratchet,
        root_key=root_key,
        sending=SendingChain(pair=pair, chain_key=sending_key),
        previous_counter=max(ratchet.sending.counter - 1, 0),
        receiving=(receiving, *ratchet.receiving)[:MAX_RECEIVING_CHAINS],
    )


def replace_receiving_chain(ratchet: Ratchet, new: ReceivingChain) -> Ratchet:
    """Replace the receiving chain of the same ratchet key."""
    chains = (new if held.ratchet_key == new.ratchet_key else held for held in ratchet.receiving)
    return replace(ratchet, receiving=tuple(chains))


def drop_skipped(ratchet: Ratchet) -> Ratchet:
    """Drop the skipped seeds over `MAX_SKIPPED_KEYS`: oldest chain first, lowest counter first.

    Clauses: PS-44, PS-45
    """
    excess = sum(len(held.skipped) for held in ratchet.receiving) - MAX_SKIPPED_KEYS
    if excess <= 0:
        return ratchet

    kept = []
    for held in reversed(ratchet.receiving):
        dropped = set(sorted(held.skipped)[:excess])
        excess -= len(dropped)
        kept.append(
            replace(held, skipped={index: seed for index, seed in held.skipped.items() if index not in dropped})
        )
    return replace(ratchet, receiving=tuple(reversed(kept)))
