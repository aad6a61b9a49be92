from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RoomContent(_message.Message):
    __slots__ = ("server_key", "room", "timestamp_ms", "revision", "text", "files")
    SERVER_KEY_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    server_key: bytes
    room: str
    timestamp_ms: int
    revision: int
    text: str
    files: _containers.RepeatedCompositeFieldContainer[RoomFile]
    def __init__(self, server_key: _Optional[bytes] = ..., room: _Optional[str] = ..., timestamp_ms: _Optional[int] = ..., revision: _Optional[int] = ..., text: _Optional[str] = ..., files: _Optional[_Iterable[_Union[RoomFile, _Mapping]]] = ...) -> None: ...

class RoomFile(_message.Message):
    __slots__ = ("id", "name", "size", "hash")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    size: int
    hash: bytes
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., size: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...
