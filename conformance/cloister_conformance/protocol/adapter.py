"""The methods about the adapter itself, and saving and restoring what a handle stands for."""

from cloister_conformance.protocol.messages import Message, Method, Nothing


class Hello(Message):
    name: str
    version: str
    language: str
    spec: str
    capabilities: list[str]


class Handle(Message):
    handle: str


class SavedState(Message):
    state: str


class Restore(Message):
    handle: str
    state: str


METHODS = (
    Method(
        name="hello",
        capability=None,
        summary="Say who the implementation is and what it offers.",
        params=Nothing,
        result=Hello,
    ),
    Method(
        name="reset",
        capability=None,
        summary="Forget every handle; called before each test.",
        params=Nothing,
        result=Nothing,
    ),
    Method(
        name="save",
        capability="persistence",
        summary="Return what a handle stands for, as a text of the implementation's own form.",
        params=Handle,
        result=SavedState,
    ),
    Method(
        name="restore",
        capability="persistence",
        summary="Make a handle out of a saved text, in this process or a later one.",
        params=Restore,
        result=Nothing,
    ),
)
