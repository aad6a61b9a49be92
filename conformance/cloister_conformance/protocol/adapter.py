"""The methods about the adapter itself, and saving and restoring what a handle stands for."""

from typing import Annotated

from cloister_conformance.protocol.messages import Handle, Message, Method, Nothing


class Hello(Message):
    name: str
    version: str
    language: str
    spec: str
    capabilities: list[str]


class Save(Message):
    handle: Annotated[str, Handle("whatever can be saved")]


class SavedState(Message):
    state: str


class Restore(Message):
    handle: Annotated[str, Handle("what was saved", may_be_new=True)]
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
        params=Save,
        result=SavedState,
        sample={"handle": "sample"},
    ),
    Method(
        name="restore",
        capability="persistence",
        summary="Make a handle out of a saved text, in this process or a later one.",
        params=Restore,
        result=Nothing,
        sample={"handle": "sample", "state": "sample"},
    ),
)
