from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PairwiseContent(_message.Message):
    __slots__ = ("timestamp_ms", "text", "control", "group")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    text: str
    control: bytes
    group: bytes
    def __init__(self, timestamp_ms: _Optional[int] = ..., text: _Optional[str] = ..., control: _Optional[bytes] = ..., group: _Optional[bytes] = ...) -> None: ...

class GroupContent(_message.Message):
    __slots__ = ("group_id", "epoch", "sender", "index", "timestamp_ms", "digest", "text", "room")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    group_id: bytes
    epoch: int
    sender: bytes
    index: int
    timestamp_ms: int
    digest: bytes
    text: str
    room: Room
    def __init__(self, group_id: _Optional[bytes] = ..., epoch: _Optional[int] = ..., sender: _Optional[bytes] = ..., index: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., digest: _Optional[bytes] = ..., text: _Optional[str] = ..., room: _Optional[_Union[Room, _Mapping]] = ...) -> None: ...

class Room(_message.Message):
    __slots__ = ("address", "server_key")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SERVER_KEY_FIELD_NUMBER: _ClassVar[int]
    address: str
    server_key: bytes
    def __init__(self, address: _Optional[str] = ..., server_key: _Optional[bytes] = ...) -> None: ...
