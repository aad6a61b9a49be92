"""python-axolotl behind the adapter protocol.

Nothing is checked here that the library does not check: only its own exceptions become refusals.
A key and a record are the same thing to the library, a sender key record, which it saves after each success and loads before each use.
"""

import inspect
import json
import sys
from importlib.metadata import version

from axolotl.duplicatemessagexception import DuplicateMessageException
from axolotl.ecc.curve import Curve
from axolotl.groups.groupcipher import GroupCipher
from axolotl.groups.groupsessionbuilder import GroupSessionBuilder
from axolotl.groups.state.senderkeyrecord import SenderKeyRecord
from axolotl.invalidkeyexception import InvalidKeyException
from axolotl.invalidmessageexception import InvalidMessageException
from axolotl.nosessionexception import NoSessionException
from axolotl.protocol.senderkeydistributionmessage import SenderKeyDistributionMessage

CURVE_CAPABILITIES = ["key-agreement", "xeddsa-sign", "xeddsa-verify"]
GROUP_CAPABILITIES = ["sender-keys-send", "sender-keys-renewal", "sender-keys-receive", "persistence"]
HEX_PARAMS = {"private_key", "public_key", "message", "signature", "plaintext", "distribution"}

# The first match counts. The library names most of its refusals in the text only; the `ValueError`s are those of its C part.
ERRORS = [
    (NoSessionException, "", "UnknownSenderKey"),
    (DuplicateMessageException, "", "DuplicateMessage"),
    (InvalidKeyException, "", "InvalidKey"),
    (InvalidMessageException, "Invalid signature!", "InvalidSignature"),
    (InvalidMessageException, "Legacy message", "UnsupportedVersion"),
    (InvalidMessageException, "Unknown version", "UnsupportedVersion"),
    (InvalidMessageException, "Unknown key type", "InvalidKey"),
    (InvalidMessageException, "No keys for", "UnknownSenderKey"),
    (InvalidMessageException, "Over 2000 messages", "TooFarAhead"),
    (InvalidMessageException, "Invalid padding bytes", "DecryptionFailed"),
    (InvalidMessageException, "multiple of the block length", "DecryptionFailed"),
    (InvalidMessageException, "", "InvalidMessage"),
    (ValueError, "signature must be 64-byte", "InvalidSignature"),
    (ValueError, "must be 32-byte", "InvalidKey"),
]


class BadParams(Exception):
    """The params do not fit the method, or a handle stands for nothing."""


class Refusal(Exception):
    """The library says no by a return value."""


class Store:
    """The library's interface to its user's storage; the names of its records are the handles."""

    def __init__(self):
        self.states = {}

    def loadSenderKey(self, handle):
        return SenderKeyRecord(serialized=self.states.get(handle))

    def storeSenderKey(self, handle, record):
        self.states[handle] = record.serialize()

    def check(self, handle):
        if handle not in self.states:
            raise BadParams(f"{handle} stands for nothing")


store = Store()
builder = GroupSessionBuilder(store)


def hello():
    who = {"name": "python-axolotl", "version": version("python-axolotl"), "language": "Python", "spec": "0.1"}
    return {**who, "capabilities": CURVE_CAPABILITIES + GROUP_CAPABILITIES}


def reset():
    store.states.clear()


def save(handle):
    store.check(handle)
    return {"state": store.states[handle].hex()}


def restore(handle, state):
    store.states[handle] = bytes.fromhex(state)


def agree(private_key, public_key):
    secret = Curve.calculateAgreement(Curve.decodePoint(bytearray(public_key)), Curve.decodePrivatePoint(private_key))
    return {"shared_secret": secret.hex()}


def sign(private_key, message):
    return {"signature": Curve.calculateSignature(Curve.decodePrivatePoint(private_key), message).hex()}


def verify(public_key, message, signature):
    if not Curve.verifySignature(Curve.decodePoint(bytearray(public_key)), message, signature):
        raise Refusal("InvalidSignature")


def create(key):
    store.states.pop(key, None)  # the library makes a new sender key where there is none
    builder.create(key)


def renew(key):
    store.check(key)
    create(key)


def distribute(key):
    store.check(key)
    return {"distribution": builder.create(key).serialize().hex()}


def encrypt(key, plaintext):
    store.check(key)
    return {"message": GroupCipher(store, key).encrypt(plaintext).hex()}


def process(record, distribution, now_ms):
    builder.process(record, SenderKeyDistributionMessage(serialized=distribution))


def decrypt(record, message, now_ms):
    return {"plaintext": GroupCipher(store, record).decrypt(message).hex()}


METHODS = {f.__name__: f for f in (hello, reset, save, restore)}
METHODS |= {f"identity.{f.__name__}": f for f in (agree, sign, verify)}
METHODS |= {f"sender_keys.{f.__name__}": f for f in (create, renew, distribute, encrypt, process, decrypt)}


def bind(function, params):
    """Turn hex into bytes and check that the params are those of the method."""
    try:
        values = {name: bytes.fromhex(value) if name in HEX_PARAMS else value for name, value in params.items()}
        inspect.signature(function).bind(**values)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadParams(error) from None
    return values


def find_error(error):
    """Return the code and the data of a failure."""
    if isinstance(error, BadParams):
        return -32602, {}
    if isinstance(error, Refusal):
        return -32000, {"error": str(error)}
    for kind, text, name in ERRORS:
        if isinstance(error, kind) and text in str(error):
            return -32000, {"error": name}
    return -32603, {}


def call(method, params):
    """Answer one call."""
    if method not in METHODS:
        return {"error": {"code": -32601, "message": f"there is no method {method}", "data": {}}}
    try:
        return {"result": METHODS[method](**bind(METHODS[method], params)) or {}}
    except Exception as error:  # noqa: BLE001 - whatever the library throws is answered
        code, data = find_error(error)
        return {"error": {"code": code, "message": f"{type(error).__name__}: {error}", "data": data}}


def answer(line):
    """Answer one line."""
    try:
        request = json.loads(line)
        request_id, method, params = request["id"], request["method"], request.get("params", {})
        if not isinstance(method, str):
            raise TypeError("the method is no string")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "not a request", "data": {}}}
    return {"jsonrpc": "2.0", "id": request_id, **call(method, params)}


output, sys.stdout = sys.stdout, sys.stderr  # whatever the library prints is not an answer
for line in sys.stdin.buffer:
    output.write(json.dumps(answer(line)) + "\n")
    output.flush()
