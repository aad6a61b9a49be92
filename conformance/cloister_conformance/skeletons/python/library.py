"""What adapter.py asks of {{name}}: a function for each method, and the names of its refusals."""

from collections.abc import Callable

# Import the library here.


class InvalidParams(Exception):
    """A handle stands for nothing, or a param is of another type."""


class Refusal(Exception):
    """The library says no by what it returns; the text is an error name of chapter 01."""


# What the library raises to refuse its input, and the error name of chapter 01. Whatever is not here is no refusal.
REFUSALS: dict[type[Exception], str] = {OverflowError: "OutOfRange"}


def name_refusal(error: Exception) -> str | None:
    if isinstance(error, Refusal):
        return str(error)
    return REFUSALS.get(type(error))


def hello() -> dict[str, object]:
    capabilities = ["proof-of-work-target"]  # add one when all of its methods are in METHODS
    return {"name": "{{name}}", "version": "0", "language": "Python", "spec": "0.1", "capabilities": capabilities}


def reset() -> None:
    pass  # forget here what the handles stand for


def target(payload_length: int, ttl_ms: int, difficulty: int) -> dict[str, object]:
    # An example, chapter 06: call the library instead, or remove it. Bytes are hex: bytes.fromhex(text), data.hex().
    product = ttl_ms // 1000 * (payload_length + 8)
    divisor = difficulty * (payload_length + 8 + product // 65535)
    if min(payload_length, ttl_ms, difficulty - 1) < 0 or max(product, divisor) >= 2**64:
        raise OverflowError("the target has no place in 64 bits")
    return {"target": f"{(2**64 - 1) // divisor:016x}"}


METHODS: dict[str, Callable[..., dict[str, object] | None]] = {  # None is an empty result
    "hello": hello,
    "reset": reset,
    "proof_of_work.target": target,
}
