"""What a receiver of sender keys is given, step by step; used by the cases of chapter 04."""

from cloister_conformance.hand_made.sender_keys import Sender
from cloister_conformance.vector_files.cases import Json, answered, refused

NOW_MS = 1_600_000_000_000


def usual_plaintext(iteration: int) -> bytes:
    """Return the usual plaintext of an iteration: `message N` in ASCII."""
    return f"message {iteration}".encode("ascii")


def message(sender: Sender, iteration: int) -> bytes:
    """Build the usual message of an iteration."""
    return sender.message(usual_plaintext(iteration), iteration)


def process(frame: bytes | Sender, *, at: int = NOW_MS, record: str = "alice", error: str | None = None) -> Json:
    """Describe the processing of a distribution; of a sender, its distribution at iteration 0."""
    distribution = frame.distribution() if isinstance(frame, Sender) else frame
    inputs = {"record": record, "distribution": distribution, "now_ms": at}
    return refused("sender_keys.process", inputs, error) if error else answered("sender_keys.process", inputs, {})


def read(sender: Sender, *iterations: int, at: int = NOW_MS, record: str = "alice") -> list[Json]:
    """Describe the decryption of good messages, in this order."""
    return [
        answered(
            "sender_keys.decrypt",
            {"record": record, "message": message(sender, iteration), "now_ms": at},
            {"plaintext": usual_plaintext(iteration).hex()},
        )
        for iteration in iterations
    ]


def refuse(frame: bytes, error: str, *, at: int = NOW_MS, record: str = "alice") -> list[Json]:
    """Describe the refusal of a message."""
    return [refused("sender_keys.decrypt", {"record": record, "message": frame, "now_ms": at}, error)]
