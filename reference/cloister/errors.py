"""Chapter 01: the error names.

One class for each name of the table in chapter 01, and nothing else:

- `ProtocolViolation`: bytes from a peer break a rule. Its four families say what kind of rule.
- `UsageError`: our own caller breaks a rule; no bytes from a peer can cause it.
- `NetworkFailure`: nobody breaks a rule; the network did not do what it was asked to.
- A leaf carries its facts as attributes; the leaves of `Unauthentic` carry none, because a cause is an oracle.

Only leaves are raised.

    >>> try:
    ...     raise TooFarAhead(index=9000, bound=2000)
    ... except Stale as error:
    ...     print(type(error).__name__, error.index)
    TooFarAhead 9000
"""

from collections.abc import Sequence


class CloisterError(Exception):
    """The root; never raised itself."""


class ProtocolViolation(CloisterError):
    """What arrived breaks a rule."""


class UsageError(CloisterError):
    """Our caller breaks a precondition."""


class NetworkFailure(CloisterError):
    """Nodes that were needed did not answer, or refused."""


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


class InvalidName(Malformed):
    """The name of a group is empty, too long, not in NFC, or holds a character that it may not."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"invalid name: {reason}")
        self.reason = reason


class InvalidAvatar(Malformed):
    """An image is empty, too long, of an unknown form, or not the one that was announced."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"invalid avatar: {reason}")
        self.reason = reason


class InvalidSignature(Unauthentic):
    """A signature does not verify."""


class InvalidMac(Unauthentic):
    """A MAC is not right."""


class DecryptionFailed(Unauthentic):
    """A ciphertext does not decrypt."""


class InsufficientWork(Forbidden):
    """A proof of work does not reach its target."""


class UntrustedIdentity(Forbidden):
    """A frame names another identity key than the peer's, or a link another key of a server that is known."""

    def __init__(self) -> None:
        super().__init__("the identity key is not the one that is known")


class ConflictingDistribution(Forbidden):
    """A sender contradicts its own earlier sender key."""

    def __init__(self, *, key_id: int, iteration: int) -> None:
        super().__init__(f"the distribution of sender key {key_id} does not continue its chain at {iteration}")
        self.key_id = key_id
        self.iteration = iteration


class WrongSwarm(Forbidden):
    """A recipient belongs to another swarm."""

    def __init__(self) -> None:
        super().__init__("the recipient belongs to another swarm")


class UnknownNode(Forbidden):
    """A node is not in the network."""

    def __init__(self, *, key: str) -> None:
        super().__init__(f"the network has no node {key}")
        self.key = key


class ForbiddenTarget(Forbidden):
    """An onion request is to reach what it must not."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"this server may not be reached: {reason}")
        self.reason = reason


class NotPermitted(Forbidden):
    """Somebody does what its role in a group does not permit."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"not permitted: {reason}")
        self.reason = reason


class ConflictingSnapshot(Forbidden):
    """Two snapshots speak of one epoch of a group."""

    def __init__(self, *, epoch: int) -> None:
        super().__init__(f"there is another snapshot of epoch {epoch}; the administrator contradicts itself")
        self.epoch = epoch


class GroupFull(Forbidden):
    """More accounts would be in a group, or added in one epoch, than may be."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            f"the group would have more than {limit} accounts; convert it to an open group to grow further"
        )
        self.limit = limit


class UnknownSenderKey(Stale):
    """No sender key with this id is held, not yet or no longer."""

    def __init__(self, *, key_id: int) -> None:
        super().__init__(f"no sender key {key_id} is held; ask the sender for a distribution")
        self.key_id = key_id


class UnknownSession(Stale):
    """The session of a message is not held, not yet or no longer."""

    def __init__(self) -> None:
        super().__init__("the session of this message is not held; send the peer a session request")


class UnknownPrekey(Stale):
    """A prekey is not held, not yet or no longer."""

    def __init__(self, *, prekey_id: int) -> None:
        super().__init__(f"prekey {prekey_id} is not held; send the peer a session request")
        self.prekey_id = prekey_id


class StaleRequest(Stale):
    """A session request is not newer than the last one, too old, or too far ahead of the clock."""

    def __init__(self, *, timestamp_ms: int) -> None:
        super().__init__(
            f"the session request of time {timestamp_ms} is not newer than the last, or too old or too new"
        )
        self.timestamp_ms = timestamp_ms


class DuplicateMessage(Stale):
    """A message was read before, or its key has been dropped."""

    def __init__(self, *, index: int) -> None:
        super().__init__(f"message {index} was read before or its key is gone")
        self.index = index


class TooFarAhead(Stale):
    """A message is over the skip limit."""

    def __init__(self, *, index: int, bound: int) -> None:
        super().__init__(f"message {index} is more than {bound} ahead")
        self.index = index
        self.bound = bound


class ExpiredMessage(Stale):
    """The time of a stored message is over."""

    def __init__(self, *, expiration_ms: int) -> None:
        super().__init__(f"the message expired at {expiration_ms}")
        self.expiration_ms = expiration_ms


class PastEpoch(Stale):
    """An add was made in an epoch that is over."""

    def __init__(self, *, epoch: int) -> None:
        super().__init__(f"epoch {epoch} of the group is over")
        self.epoch = epoch


class StaleRevision(Stale):
    """A revision of a post is older than one that was seen, or contradicts it."""

    def __init__(self, *, revision: int, seen: int) -> None:
        super().__init__(f"revision {revision} of a post comes after revision {seen}")
        self.revision = revision
        self.seen = seen


class GroupClosed(Stale):
    """The administrator has closed the group."""

    def __init__(self) -> None:
        super().__init__("the administrator has left, and the group is closed")


class UnknownGroup(UsageError):
    """There is no such group."""

    def __init__(self) -> None:
        super().__init__("there is no group of this id")


class NoSession(UsageError):
    """There is no session to send in."""

    def __init__(self) -> None:
        super().__init__("there is no session with this peer: open one, or send it a session request")


class RequestTooSoon(UsageError):
    """The peer was sent a session request a short time ago."""

    def __init__(self, *, next_ms: int) -> None:
        super().__init__(f"the peer was sent a session request a short time ago; the next may be sent at {next_ms}")
        self.next_ms = next_ms


class SenderKeyExhausted(UsageError):
    """A sender key has no iteration left; renew it."""

    def __init__(self) -> None:
        super().__init__("this sender key has no iteration left: renew it")


class TooFewNodes(UsageError):
    """The network has too few nodes or swarms."""

    def __init__(self, *, needed: int, got: int) -> None:
        super().__init__(
            f"the network has too few nodes or swarms that can be used: {needed} are needed, {got} are there"
        )
        self.needed = needed
        self.got = got


class UnreadableState(UsageError):
    """A saved state is of a form or version that cannot be read."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"this saved state cannot be read: {reason}")
        self.reason = reason


class NotSent(NetworkFailure):
    """Fewer nodes of a swarm than needed have acknowledged a message; `acknowledged` are the Ed25519 keys of those that have."""

    def __init__(self, *, acknowledged: Sequence[str], needed: int, reason: str) -> None:
        super().__init__(f"the message is not sent: {len(acknowledged)} of the {needed} nodes needed have it; {reason}")
        self.acknowledged = acknowledged
        self.needed = needed
        self.reason = reason


class NoReply(NetworkFailure):
    """What was asked for did not come."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"no reply: {reason}")
        self.reason = reason


class ServerRefused(NetworkFailure):
    """An open-group server answered with another status than one of success."""

    def __init__(self, *, status: int, reason: str) -> None:
        super().__init__(f"the server answers {status}: {reason}")
        self.status = status
        self.reason = reason
