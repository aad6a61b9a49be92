"""What adapter.py asks of python-axolotl.

Nothing is checked here that the library does not check: only its own exceptions become refusals.
What the handles stand for is kept as the library serialises it: it saves after each success and loads before each use.
A session handle is one address of the library, with the stores of its account behind it.
A key and a record of chapter 04 are the same thing to the library, a sender key record.
"""

import json
from importlib.metadata import version

from axolotl.duplicatemessagexception import DuplicateMessageException
from axolotl.ecc.curve import Curve
from axolotl.ecc.djbec import DjbECPublicKey
from axolotl.ecc.eckeypair import ECKeyPair
from axolotl.groups.groupcipher import GroupCipher
from axolotl.groups.groupsessionbuilder import GroupSessionBuilder
from axolotl.groups.state.senderkeyrecord import SenderKeyRecord
from axolotl.identitykey import IdentityKey
from axolotl.identitykeypair import IdentityKeyPair
from axolotl.invalidkeyexception import InvalidKeyException
from axolotl.invalidkeyidexception import InvalidKeyIdException
from axolotl.invalidmessageexception import InvalidMessageException
from axolotl.invalidversionexception import InvalidVersionException
from axolotl.legacymessageexception import LegacyMessageException
from axolotl.nosessionexception import NoSessionException
from axolotl.protocol.ciphertextmessage import CiphertextMessage
from axolotl.protocol.prekeywhispermessage import PreKeyWhisperMessage
from axolotl.protocol.senderkeydistributionmessage import SenderKeyDistributionMessage
from axolotl.protocol.whispermessage import WhisperMessage
from axolotl.sessionbuilder import SessionBuilder
from axolotl.sessioncipher import SessionCipher
from axolotl.state.prekeybundle import PreKeyBundle
from axolotl.state.prekeyrecord import PreKeyRecord
from axolotl.state.sessionrecord import SessionRecord
from axolotl.state.signedprekeyrecord import SignedPreKeyRecord
from axolotl.untrustedidentityexception import UntrustedIdentityException
from axolotl.util.keyhelper import KeyHelper
from google.protobuf.message import DecodeError

CAPABILITIES = ["key-agreement", "xeddsa-sign", "xeddsa-verify", "sessions", "one-time-prekeys", "prekey-import"]
CAPABILITIES += ["sender-keys-send", "sender-keys-renewal", "sender-keys-receive", "persistence"]
REGISTRATION_ID = 1
DEVICE_ID = 1

# The first match counts. The library names most of its refusals in the text only; the `ValueError`s are those of its C part.
REFUSALS = [
    (UntrustedIdentityException, "", "UntrustedIdentity"),
    (InvalidKeyIdException, "", "UnknownPrekey"),
    (NoSessionException, "No session for", "UnknownSession"),
    (NoSessionException, "", "UnknownSenderKey"),
    (DuplicateMessageException, "", "DuplicateMessage"),
    (InvalidVersionException, "", "UnsupportedVersion"),
    (LegacyMessageException, "", "UnsupportedVersion"),
    (InvalidKeyException, "Invalid signature", "InvalidSignature"),
    (InvalidKeyException, "", "InvalidKey"),
    (InvalidMessageException, "Invalid signature!", "InvalidSignature"),
    (InvalidMessageException, "Bad Mac!", "InvalidMac"),
    (InvalidMessageException, "Legacy message", "UnsupportedVersion"),
    (InvalidMessageException, "Legacy version", "UnsupportedVersion"),
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


class InvalidParams(Exception):
    """A handle stands for nothing."""


class Refusal(Exception):
    """The library says no by a return value."""


def name_refusal(error):
    if isinstance(error, Refusal):
        return str(error)
    return next((name for kind, text, name in REFUSALS if isinstance(error, kind) and text in str(error)), None)


def decode_point(text):
    return Curve.decodePoint(bytearray(bytes.fromhex(text)))


def decode_private(text):
    return Curve.decodePrivatePoint(bytes.fromhex(text))


def decode_pair(text):
    private = decode_private(text)
    return ECKeyPair(DjbECPublicKey(Curve.generatePublicKey(private.getPrivateKey())), private)


# Each is {"sender_key"}, {"identity", "prekeys", "signed", "newest", "last_id"} or {"account", "theirs", "record"}.
held = {}


def find(handle, member):
    if member not in held.get(handle, {}):
        raise InvalidParams(f"{handle} stands for nothing that has {member}")
    return held[handle]


class SenderKeys:
    """The library's interface to its user's storage of sender keys; the names of its records are the handles."""

    def loadSenderKey(self, handle):
        state = held.get(handle)
        return SenderKeyRecord(serialized=bytes.fromhex(state["sender_key"]) if state else None)

    def storeSenderKey(self, handle, record):
        held[handle] = {"sender_key": record.serialize().hex()}


class Stores:
    """The library's four interfaces to its user's storage, of one account and of one session of it."""

    def __init__(self, account, session=None):
        self.account = account
        self.session = session

    def getIdentityKeyPair(self):
        pair = decode_pair(self.account["identity"])
        return IdentityKeyPair(IdentityKey(pair.getPublicKey()), pair.getPrivateKey())

    def getLocalRegistrationId(self):
        return REGISTRATION_ID

    def isTrustedIdentity(self, name, key):
        return key.serialize().hex() == self.session["theirs"]

    def saveIdentity(self, name, key):
        pass

    def containsSession(self, name, device):
        return self.session["record"] != ""

    def loadSession(self, name, device):
        return SessionRecord(serialized=bytes.fromhex(self.session["record"]))

    def storeSession(self, name, device, record):
        self.session["record"] = record.serialize().hex()

    def loadPreKey(self, prekey_id):
        return PreKeyRecord(serialized=find_prekey(self.account["prekeys"], prekey_id))

    def storePreKey(self, prekey_id, record):
        self.account["prekeys"][str(prekey_id)] = record.serialize().hex()

    def removePreKey(self, prekey_id):
        self.account["prekeys"].pop(str(prekey_id), None)

    def loadSignedPreKey(self, prekey_id):
        return SignedPreKeyRecord(serialized=find_prekey(self.account["signed"], prekey_id))

    def storeSignedPreKey(self, prekey_id, record):
        self.account["signed"][str(prekey_id)] = record.serialize().hex()
        self.account["newest"] = prekey_id


def find_prekey(prekeys, prekey_id):
    if str(prekey_id) not in prekeys:
        raise InvalidKeyIdException(f"there is no prekey {prekey_id}")  # as the library's own store does
    return bytes.fromhex(prekeys[str(prekey_id)])


def next_id(account):
    account["last_id"] += 1
    taken = account["prekeys"].keys() | account["signed"].keys()
    return next_id(account) if str(account["last_id"]) in taken else account["last_id"]


def connect(session):
    """Return what the library's builder and cipher of a session are made from."""
    stores = Stores(find(find(session, "theirs")["account"], "identity"), held[session])
    return stores, stores, stores, stores, session, DEVICE_ID


sender_keys = SenderKeys()
builder = GroupSessionBuilder(sender_keys)


def hello():
    who = {"name": "python-axolotl", "version": version("python-axolotl"), "language": "Python", "spec": "0.1"}
    return {**who, "capabilities": CAPABILITIES}


def reset():
    held.clear()


def save(handle):
    if handle not in held:
        raise InvalidParams(f"{handle} stands for nothing")
    return {"state": json.dumps(held[handle])}


def restore(handle, state):
    held[handle] = read_state(state)


def read_state(state):
    """Read what `save` wrote. The form around what the library has serialised is the adapter's own."""
    try:
        value = json.loads(state)
        SessionRecord(serialized=bytes.fromhex(value.get("record", "")))
    except (ValueError, AttributeError, DecodeError):
        raise Refusal("UnreadableState") from None
    if not {"sender_key", "identity", "theirs"} & value.keys():
        raise Refusal("UnreadableState")
    return value


def agree(private_key, public_key):
    return {"shared_secret": Curve.calculateAgreement(decode_point(public_key), decode_private(private_key)).hex()}


def sign(private_key, message):
    return {"signature": Curve.calculateSignature(decode_private(private_key), bytes.fromhex(message)).hex()}


def verify(public_key, message, signature):
    if not Curve.verifySignature(decode_point(public_key), bytes.fromhex(message), bytes.fromhex(signature)):
        raise Refusal("InvalidSignature")


def create_account(account, private_key, now_ms):
    made = {"identity": private_key, "prekeys": {}, "signed": {}, "newest": 0, "last_id": 0}
    stores = Stores(made)
    signed = KeyHelper.generateSignedPreKey(stores.getIdentityKeyPair(), next_id(made))
    stores.storeSignedPreKey(signed.getId(), signed)
    held[account] = made


def create_plain_bundle(account, now_ms):
    stores = Stores(find(account, "identity"))
    signed = stores.loadSignedPreKey(stores.account["newest"])
    return {
        "identity_key": stores.getIdentityKeyPair().getPublicKey().serialize().hex(),
        "signed_prekey_id": signed.getId(),
        "signed_prekey": signed.getKeyPair().getPublicKey().serialize().hex(),
        "signature": signed.getSignature().hex(),
    }


def create_bundle(account, now_ms):
    stores = Stores(find(account, "identity"))
    (prekey,) = KeyHelper.generatePreKeys(next_id(stores.account), 1)
    stores.storePreKey(prekey.getId(), prekey)
    key = prekey.getKeyPair().getPublicKey().serialize().hex()
    return {**create_plain_bundle(account, now_ms), "one_time_prekey_id": prekey.getId(), "one_time_prekey": key}


def import_prekeys(
    *, account, signed_prekey_id, signed_prekey_private, now_ms, one_time_prekey_id=None, one_time_prekey_private=None
):
    stores = Stores(find(account, "identity"))
    pair = decode_pair(signed_prekey_private)
    signature = Curve.calculateSignature(stores.getIdentityKeyPair().getPrivateKey(), pair.getPublicKey().serialize())
    stores.storeSignedPreKey(signed_prekey_id, SignedPreKeyRecord(signed_prekey_id, now_ms, pair, signature))
    if one_time_prekey_id is not None:
        prekey = PreKeyRecord(one_time_prekey_id, decode_pair(one_time_prekey_private))
        stores.storePreKey(one_time_prekey_id, prekey)


def create_session(session, account, identity_key):
    find(account, "identity")
    held[session] = {"account": account, "theirs": identity_key, "record": ""}


def open_session(
    *,
    session,
    identity_key,
    signed_prekey_id,
    signed_prekey,
    signature,
    now_ms,
    one_time_prekey_id=None,
    one_time_prekey=None,
):
    prekey = None if one_time_prekey is None else decode_point(one_time_prekey)
    signed = signed_prekey_id, decode_point(signed_prekey), bytes.fromhex(signature)
    identity = IdentityKey(decode_point(identity_key))
    bundle = PreKeyBundle(REGISTRATION_ID, DEVICE_ID, one_time_prekey_id, prekey, *signed, identity)
    SessionBuilder(*connect(session)).processPreKeyBundle(bundle)


def encrypt_in_session(session, plaintext):
    message = SessionCipher(*connect(session)).encrypt(bytes.fromhex(plaintext))
    kind = "prekey message" if message.getType() == CiphertextMessage.PREKEY_TYPE else "message"
    return {"kind": kind, "message": message.serialize().hex()}


def decrypt_in_session(session, kind, message, now_ms):
    cipher = SessionCipher(*connect(session))
    if kind == "prekey message":
        plaintext = cipher.decryptPkmsg(PreKeyWhisperMessage(serialized=bytes.fromhex(message)))
    else:
        plaintext = cipher.decryptMsg(WhisperMessage(serialized=bytes.fromhex(message)))
    return {"plaintext": plaintext.hex()}


def create(key):
    held.pop(key, None)  # the library makes a new sender key where there is none
    builder.create(key)


def renew(key):
    find(key, "sender_key")
    create(key)


def distribute(key):
    find(key, "sender_key")
    return {"distribution": builder.create(key).serialize().hex()}


def encrypt(key, plaintext):
    find(key, "sender_key")
    return {"message": GroupCipher(sender_keys, key).encrypt(bytes.fromhex(plaintext)).hex()}


def process(record, distribution, now_ms):
    builder.process(record, SenderKeyDistributionMessage(serialized=bytes.fromhex(distribution)))


def decrypt(record, message, now_ms):
    return {"plaintext": GroupCipher(sender_keys, record).decrypt(bytes.fromhex(message)).hex()}


METHODS = {f.__name__: f for f in (hello, reset, save, restore)}
METHODS |= {f"identity.{f.__name__}": f for f in (agree, sign, verify)}
METHODS |= {f"x3dh.{f.__name__}": f for f in (create_account, create_plain_bundle, create_bundle, import_prekeys)}
METHODS |= {"session.create": create_session, "session.open": open_session}
METHODS |= {"session.encrypt": encrypt_in_session, "session.decrypt": decrypt_in_session}
METHODS |= {f"sender_keys.{f.__name__}": f for f in (create, renew, distribute, encrypt, process, decrypt)}
