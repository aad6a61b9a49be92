"""Chapter 01: the error names.

One class for each name of the table in chapter 01, and nothing else:

- `ProtocolViolation`: bytes from a peer break a rule. Its four families say what kind of rule.
- `UsageError`: our own caller breaks a rule; no bytes from a peer can cause it.
- A leaf carries its facts as attributes; the leaves of `Unauthentic` carry none, because a cause is an oracle.

Only leaves are raised.

    >>> try:
    ...     raise TooFarAhead(iteration=9000, bound=2000)
    ... except Stale as error:
    ...     print(type(error).__name__, error.iteration)
    TooFarAhead 9000
"""


class CloisterError(Exception):
    """The root; never raised itself."""


class ProtocolViolation(CloisterError):
    """What arrived breaks a rule."""


class UsageError(CloisterError):
    """Our caller breaks a precondition."""


class Malformed(ProtocolViolation):
    """It does not parse, or a value is outside its limits."""


class Unauthentic(ProtocolViolation):
    """A signature, MAC or ciphertext does not verify."""


class Forbidden(ProtocolViolation):
    """It is authentic, and not allowed."""


class Stale(ProtocolViolation):
    """It comes too late, too early or a second time."""


class InvalidEncoding(Malformed):
    """A text is not canonical hex, decimal or base64, or has the wrong length."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"{what} is not in its canonical form")
        self.what = what


class InvalidKey(Malformed):
    """A public or private key has the wrong length, type byte or form, or low order."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"invalid key: {reason}")
        self.reason = reason


class InvalidMessage(Malformed):
    """A frame does not parse, or a field is absent or of the wrong size."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"invalid message: {reason}")
        self.reason = reason


class UnsupportedVersion(Malformed):
    """The version is not 3."""

    def __init__(self, *, got: int) -> None:
        super().__init__(f"message version {got} is not supported, only 3 is")
        self.got = got


class OutOfRange(Malformed):
    """A number is outside its limits."""

    def __init__(self, *, what: str, low: int, high: int, got: int) -> None:
        super().__init__(f"{what} must be from {low} to {high}, got {got}")
        self.what = what
        self.low = low
        self.high = high
        self.got = got


class TooLarge(Malformed):
    """A frame or a text is over its size limit."""

    def __init__(self, *, what: str, limit: int, got: int) -> None:
        super().__init__(f"{what} must not be longer than {limit}, got {got}")
        self.what = what
        self.limit = limit
        self.got = got


class InvalidSignature(Unauthentic):
    """A signature does not verify."""


class DecryptionFailed(Unauthentic):
    """A ciphertext does not decrypt."""


class InsufficientWork(Forbidden):
    """A proof of work does not reach its target."""


class ConflictingDistribution(Forbidden):
    """A sender contradicts its own earlier sender key."""

    def __init__(self, *, key_id: int, iteration: int) -> None:
        super().__init__(f"the distribution of sender key {key_id} does not continue its chain at {iteration}")
        self.key_id = key_id
        self.iteration = iteration


class UnknownSenderKey(Stale):
    """No sender key with this id is held, not yet or no longer."""

    def __init__(self, *, key_id: int) -> None:
        super().__init__(f"no sender key {key_id} is held; ask the sender for a distribution")
        self.key_id = key_id


class DuplicateMessage(Stale):
    """An iteration was read before, or its key has been dropped."""

    def __init__(self, *, iteration: int) -> None:
        super().__init__(f"the message of iteration {iteration} was read before or its key is gone")
        self.iteration = iteration


class TooFarAhead(Stale):
    """An iteration is over the skip limit."""

    def __init__(self, *, iteration: int, bound: int) -> None:
        super().__init__(f"iteration {iteration} is more than {bound} ahead; ask the sender for a distribution")
        self.iteration = iteration
        self.bound = bound


class SenderKeyExhausted(UsageError):
    """A sender key has no iteration left; renew it."""

    def __init__(self) -> None:
        super().__init__("this sender key has no iteration left: renew it")
