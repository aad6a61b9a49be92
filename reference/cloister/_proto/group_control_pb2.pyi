from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GroupControl(_message.Message):
    __slots__ = ("group_id", "epoch", "snapshot", "add", "leave", "key", "ask", "notice")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    group_id: bytes
    epoch: int
    snapshot: SnapshotMessage
    add: Add
    leave: Leave
    key: Key
    ask: Ask
    notice: Notice
    def __init__(self, group_id: _Optional[bytes] = ..., epoch: _Optional[int] = ..., snapshot: _Optional[_Union[SnapshotMessage, _Mapping]] = ..., add: _Optional[_Union[Add, _Mapping]] = ..., leave: _Optional[_Union[Leave, _Mapping]] = ..., key: _Optional[_Union[Key, _Mapping]] = ..., ask: _Optional[_Union[Ask, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ...) -> None: ...

class SnapshotMessage(_message.Message):
    __slots__ = ("snapshot", "signature", "avatar", "adds_you")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    ADDS_YOU_FIELD_NUMBER: _ClassVar[int]
    snapshot: bytes
    signature: bytes
    avatar: bytes
    adds_you: bool
    def __init__(self, snapshot: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., avatar: _Optional[bytes] = ..., adds_you: _Optional[bool] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("group_id", "epoch", "timestamp_ms", "name", "avatar_hash", "administrator", "administrator_key", "members", "removed", "address_private", "closed")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_HASH_FIELD_NUMBER: _ClassVar[int]
    ADMINISTRATOR_FIELD_NUMBER: _ClassVar[int]
    ADMINISTRATOR_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    group_id: bytes
    epoch: int
    timestamp_ms: int
    name: str
    avatar_hash: bytes
    administrator: bytes
    administrator_key: bytes
    members: _containers.RepeatedCompositeFieldContainer[Member]
    removed: _containers.RepeatedCompositeFieldContainer[Removal]
    address_private: bytes
    closed: bool
    def __init__(self, group_id: _Optional[bytes] = ..., epoch: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., name: _Optional[str] = ..., avatar_hash: _Optional[bytes] = ..., administrator: _Optional[bytes] = ..., administrator_key: _Optional[bytes] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[Removal, _Mapping]]] = ..., address_private: _Optional[bytes] = ..., closed: _Optional[bool] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("account", "added")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    added: int
    def __init__(self, account: _Optional[bytes] = ..., added: _Optional[int] = ...) -> None: ...

class Removal(_message.Message):
    __slots__ = ("account", "added", "last_epoch", "how", "removed_ms", "last_index")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    LAST_EPOCH_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    REMOVED_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    added: int
    last_epoch: int
    how: int
    removed_ms: int
    last_index: int
    def __init__(self, account: _Optional[bytes] = ..., added: _Optional[int] = ..., last_epoch: _Optional[int] = ..., how: _Optional[int] = ..., removed_ms: _Optional[int] = ..., last_index: _Optional[int] = ...) -> None: ...

class Add(_message.Message):
    __slots__ = ("accounts",)
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, accounts: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Leave(_message.Message):
    __slots__ = ("added", "last_index", "account")
    ADDED_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    added: int
    last_index: int
    account: bytes
    def __init__(self, added: _Optional[int] = ..., last_index: _Optional[int] = ..., account: _Optional[bytes] = ...) -> None: ...

class Key(_message.Message):
    __slots__ = ("distribution", "next_index", "added", "digest")
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    distribution: bytes
    next_index: int
    added: int
    digest: bytes
    def __init__(self, distribution: _Optional[bytes] = ..., next_index: _Optional[int] = ..., added: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("what",)
    WHAT_FIELD_NUMBER: _ClassVar[int]
    what: int
    def __init__(self, what: _Optional[int] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
