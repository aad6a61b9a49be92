"""The methods of chapter 08 about the paths of a client. Nodes are named by their Ed25519 keys, the guard stands first."""

from typing import Annotated

from cloister_conformance.protocol.messages import Handle, Hex32, Message, Method, Nothing

NewPaths = Annotated[str, Handle("paths", may_be_new=True)]
Paths = Annotated[str, Handle("paths")]


class Create(Message):
    paths: NewPaths
    network: list[Hex32]
    guards: list[Hex32] | None = None


class OfPaths(Message):
    paths: Paths


class Path(Message):
    nodes: list[Hex32]


class Listed(Message):
    paths: list[Path]


class Choose(Message):
    paths: Paths
    destination: str


class NoteReply(Message):
    paths: Paths
    guard: Hex32


class NoteFailure(NoteReply):
    destination: str
    answer: str


class ChangeNetwork(Message):
    paths: Paths
    network: list[Hex32]


METHODS = (
    Method(
        name="paths.create",
        capability="paths",
        summary="Build paths from the nodes of a network; `guards` are those of an earlier run.",
        params=Create,
        result=Nothing,
        errors=("TooFewNodes",),
        sample={"paths": "sample", "network": []},
    ),
    Method(
        name="paths.list",
        capability="paths",
        summary="List the paths, in any order.",
        params=OfPaths,
        result=Listed,
        sample={"paths": "sample"},
    ),
    Method(
        name="paths.choose",
        capability="paths",
        summary="Choose a path for a request to a destination: an Ed25519 key in hex, or a host.",
        params=Choose,
        result=Path,
        errors=("TooFewNodes",),
        sample={"paths": "sample", "destination": ""},
    ),
    Method(
        name="paths.note_reply",
        capability="paths",
        summary="Note that a reply came over the path with a guard.",
        params=NoteReply,
        result=Nothing,
        sample={"paths": "sample", "guard": "00" * 32},
    ),
    Method(
        name="paths.note_failure",
        capability="paths",
        summary="Note that a request over the path with a guard failed, and build what is missing then; `answer` is the text that came, or empty.",
        params=NoteFailure,
        result=Nothing,
        sample={"paths": "sample", "guard": "00" * 32, "destination": "", "answer": ""},
    ),
    Method(
        name="paths.change_network",
        capability="paths",
        summary="Take up another network, and build what is missing then.",
        params=ChangeNetwork,
        result=Nothing,
        errors=("TooFewNodes",),
        sample={"paths": "sample", "network": []},
    ),
)
