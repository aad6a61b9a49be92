"""How often the reference calls each primitive while something runs, and what as many calls take alone.

What a call takes grows with the bytes that it works on: it is measured on few and on many, and a line drawn through the two.
"""

import hashlib
import hmac
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

from cloister import chain, identity, sealing
from cloister.chain import ZERO_SALT
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloister_conformance.bench import bare
from cloister_conformance.bench.rounds import repeat

FEW_BYTES, MANY_BYTES = 64, 4096
CALLS_ALONE = 20
TIMES_ALONE = 9

Alone = Callable[[int], Callable[[], object]]
"""Prepares the bare primitive on so many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """A function of the reference that is a primitive, and the bare one; `find_bytes` finds in the arguments how many bytes it gets."""

    name: str
    module: ModuleType
    function: str
    find_bytes: Callable[..., int]
    alone: Alone


@dataclass(slots=True)
class Tally:
    """How often something was called, and on how many bytes in all."""

    calls: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What a call takes: so much, and so much more for each byte."""

    seconds: float
    seconds_per_byte: float

    def apply(self, tally: Tally) -> float:
        """Apply it to calls that were counted."""
        return tally.calls * self.seconds + tally.bytes * self.seconds_per_byte


@contextmanager
def watch(module: ModuleType, function: str, note: Callable[..., object]) -> Iterator[None]:
    """Tell of every call of a function that comes back, by its arguments."""
    original = getattr(module, function)

    def watched(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        result = original(*arguments, **named)
        note(*arguments)
        return result

    with mock.patch.object(module, function, watched):
        yield


@contextmanager
def count_primitives() -> Iterator[dict[str, Tally]]:
    """Count the calls of each primitive."""
    tallies = {primitive.name: Tally() for primitive in PRIMITIVES}
    with ExitStack() as stack:
        for primitive in PRIMITIVES:
            note = build_note(tallies[primitive.name], primitive.find_bytes)
            stack.enter_context(watch(primitive.module, primitive.function, note))
        yield tallies


def build_note(tally: Tally, find_bytes: Callable[..., int]) -> Callable[..., None]:
    """Build what notes a call in a tally."""

    def note(*arguments: Any) -> None:  # noqa: ANN401 - whatever the function takes
        tally.calls += 1
        tally.bytes += find_bytes(*arguments)

    return note


def measure_all_alone() -> dict[str, Line]:
    """Measure what each primitive takes alone, now."""
    return {primitive.name: measure_alone(primitive.alone) for primitive in PRIMITIVES}


def sum_alone(lines: dict[str, Line], tallies: dict[str, Tally]) -> float:
    """Sum the seconds that as many calls take alone."""
    return sum(lines[name].apply(tally) for name, tally in tallies.items())


def measure_alone(alone: Alone) -> Line:
    """Measure a bare primitive on few bytes and on many."""
    few, many = time_alone(alone(FEW_BYTES)), time_alone(alone(MANY_BYTES))
    slope = max(many - few, 0) / (MANY_BYTES - FEW_BYTES)
    return Line(max(few - slope * FEW_BYTES, 0), slope)


def time_alone(call: Callable[[], object]) -> float:
    """Return the seconds of a call: the median of several batches."""
    seconds = []
    for _ in range(TIMES_ALONE):
        perform = repeat(call)(CALLS_ALONE)
        start = time.process_time()
        perform()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds) / CALLS_ALONE


def find_none(*_: object) -> int:
    """Find no bytes: the call always works on as many."""
    return 0


# The primitives alone


def agree_alone(size: int) -> Callable[[], object]:
    pair, other = identity.generate_key_pair(os.urandom), identity.generate_key_pair(os.urandom)
    return lambda: bare.agree(pair.private, other.public[1:])


def generate_alone(size: int) -> Callable[[], object]:
    return bare.generate


def sign_alone(size: int) -> Callable[[], object]:
    pair, message = identity.generate_key_pair(os.urandom), bytes(size)
    return lambda: bare.sign(pair.private, message)


def verify_alone(size: int) -> Callable[[], object]:
    k, message = identity.generate_key_pair(os.urandom).private, bytes(size)
    A, signature = identity.multiply_base(int.from_bytes(k, "little")), bare.sign(k, message)
    return lambda: bare.verify(A, message, signature)


def authenticate_alone(size: int) -> Callable[[], object]:
    key, message = os.urandom(32), bytes(size)
    return lambda: hmac.digest(key, message, "sha256")


def hash_alone(size: int) -> Callable[[], object]:
    message = bytes(size)
    return lambda: hashlib.sha256(message).digest()


def derive_alone(size: int) -> Callable[[], object]:
    secret, blocks = os.urandom(32), -(-size // 32)
    return lambda: bare.expand(hmac.digest(ZERO_SALT, secret, "sha256"), b"WhisperGroup", blocks)


def encrypt_alone(size: int) -> Callable[[], object]:
    key, iv, padded = os.urandom(32), os.urandom(16), bytes(size)

    def encrypt() -> bytes:
        encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
        return encryptor.update(padded) + encryptor.finalize()

    return encrypt


def decrypt_alone(size: int) -> Callable[[], object]:
    key, iv, ciphertext = os.urandom(32), os.urandom(16), bytes(size)

    def decrypt() -> bytes:
        decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
        return decryptor.update(ciphertext) + decryptor.finalize()

    return decrypt


def seal_alone(size: int) -> Callable[[], object]:
    key, iv, plaintext = os.urandom(32), os.urandom(12), bytes(size)
    return lambda: iv + AESGCM(key).encrypt(iv, plaintext, None)


def open_alone(size: int) -> Callable[[], object]:
    key, iv = os.urandom(32), os.urandom(12)
    ciphertext = AESGCM(key).encrypt(iv, bytes(size), None)
    return lambda: AESGCM(key).decrypt(iv, ciphertext, None)


def find_primitives() -> Iterable[Primitive]:
    """Find the functions in which the reference calls its libraries, each with the bytes that it works on."""

    def primitive(
        name: str, module: ModuleType, function: str, find_bytes: Callable[..., int], alone: Alone
    ) -> Primitive:
        return Primitive(name=name, module=module, function=function, find_bytes=find_bytes, alone=alone)

    yield primitive("X25519", identity, "agree", find_none, agree_alone)
    yield primitive("X25519, base point", identity, "derive_key_pair", find_none, generate_alone)
    yield primitive("XEdDSA, sign", identity, "sign", lambda k, M, random: len(M), sign_alone)
    yield primitive("Ed25519, verify", identity, "verify", lambda public, M, signature: len(M), verify_alone)
    yield primitive("HMAC-SHA-256", hmac, "digest", lambda key, message, name: len(message), authenticate_alone)
    yield primitive("SHA-256", hashlib, "sha256", lambda message=b"": len(message), hash_alone)
    yield primitive("HKDF-SHA-256", chain, "derive_key", lambda secret, salt, info, size: size, derive_alone)
    yield primitive("AES-256-CBC, encrypt", chain, "encrypt_cbc", lambda key, iv, text: len(text), encrypt_alone)
    yield primitive("AES-256-CBC, decrypt", chain, "decrypt_cbc", lambda key, iv, text: len(text), decrypt_alone)
    yield primitive("AES-256-GCM, encrypt", sealing, "encrypt_layer", lambda key, text: len(text), seal_alone)
    yield primitive("AES-256-GCM, decrypt", sealing, "decrypt_layer", lambda key, text: len(text), open_alone)


PRIMITIVES = tuple(find_primitives())
