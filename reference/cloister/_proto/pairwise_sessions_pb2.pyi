from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SignalMessage(_message.Message):
    __slots__ = ("ratchet_key", "counter", "previous_counter", "ciphertext")
    RATCHET_KEY_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_COUNTER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    ratchet_key: bytes
    counter: int
    previous_counter: int
    ciphertext: bytes
    def __init__(self, ratchet_key: _Optional[bytes] = ..., counter: _Optional[int] = ..., previous_counter: _Optional[int] = ..., ciphertext: _Optional[bytes] = ...) -> None: ...

class PreKeySignalMessage(_message.Message):
    __slots__ = ("one_time_prekey_id", "base_key", "identity_key", "message", "registration_id", "signed_prekey_id")
    ONE_TIME_PREKEY_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PREKEY_ID_FIELD_NUMBER: _ClassVar[int]
    one_time_prekey_id: int
    base_key: bytes
    identity_key: bytes
    message: bytes
    registration_id: int
    signed_prekey_id: int
    def __init__(self, one_time_prekey_id: _Optional[int] = ..., base_key: _Optional[bytes] = ..., identity_key: _Optional[bytes] = ..., message: _Optional[bytes] = ..., registration_id: _Optional[int] = ..., signed_prekey_id: _Optional[int] = ...) -> None: ...

class PrekeyBundle(_message.Message):
    __slots__ = ("identity_key", "one_time_prekey_id", "signed_prekey_id", "one_time_prekey", "signed_prekey", "signature")
    IDENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    ONE_TIME_PREKEY_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PREKEY_ID_FIELD_NUMBER: _ClassVar[int]
    ONE_TIME_PREKEY_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PREKEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    identity_key: bytes
    one_time_prekey_id: int
    signed_prekey_id: int
    one_time_prekey: bytes
    signed_prekey: bytes
    signature: bytes
    def __init__(self, identity_key: _Optional[bytes] = ..., one_time_prekey_id: _Optional[int] = ..., signed_prekey_id: _Optional[int] = ..., one_time_prekey: _Optional[bytes] = ..., signed_prekey: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SessionRequest(_message.Message):
    __slots__ = ("timestamp_ms", "bundle", "mac")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    bundle: bytes
    mac: bytes
    def __init__(self, timestamp_ms: _Optional[int] = ..., bundle: _Optional[bytes] = ..., mac: _Optional[bytes] = ...) -> None: ...
