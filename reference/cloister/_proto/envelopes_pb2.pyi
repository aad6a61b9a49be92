from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SealedEnvelope(_message.Message):
    __slots__ = ("ciphertext", "ephemeral_key")
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_KEY_FIELD_NUMBER: _ClassVar[int]
    ciphertext: bytes
    ephemeral_key: bytes
    def __init__(self, ciphertext: _Optional[bytes] = ..., ephemeral_key: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("kind", "source", "timestamp_ms", "content")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    kind: int
    source: str
    timestamp_ms: int
    content: bytes
    def __init__(self, kind: _Optional[int] = ..., source: _Optional[str] = ..., timestamp_ms: _Optional[int] = ..., content: _Optional[bytes] = ...) -> None: ...
