"""The reference implementation behind the adapter protocol: one module for each chapter, one function for each method.

`python -m cloister_conformance.reference_adapter` serves it on standard input and output;
the harness uses the same `Adapter` in process as its own peer.
"""

import json
import traceback
from collections.abc import Callable
from typing import Any

import cloister
from cloister import errors, wire
from pydantic import ValidationError

from cloister_conformance import protocol
from cloister_conformance.protocol import adapter as messages
from cloister_conformance.protocol.messages import Message, Nothing
from cloister_conformance.reference_adapter import (
    client,
    closed_group,
    double_ratchet,
    envelope,
    group_control,
    identity,
    mailbox,
    network,
    node_request,
    onion,
    paths,
    proof_of_work,
    room,
    room_post,
    sealing,
    sender_keys,
    server_id,
    server_onion,
    session,
    session_request,
    signed_request,
    storage,
    swarm,
    x3dh,
)
from cloister_conformance.reference_adapter.handles import Handles, UnknownHandle

MODULES = (
    identity,
    x3dh,
    double_ratchet,
    session,
    session_request,
    sender_keys,
    sealing,
    envelope,
    proof_of_work,
    swarm,
    node_request,
    storage,
    mailbox,
    onion,
    paths,
    network,
    group_control,
    closed_group,
    client,
    server_id,
    signed_request,
    server_onion,
    room_post,
    room,
)
CHAPTERS = {module.__name__.rpartition(".")[2]: module for module in MODULES}


class Adapter:
    """Answers calls; holds what the handles stand for and the source of randomness, and nothing else."""

    def __init__(self, random: wire.Random) -> None:
        self.handles = Handles(random=random)

    def find_function(self, name: str) -> Callable[..., Message]:
        """Find the function that answers a method."""
        chapter, _, function = name.rpartition(".")
        found: Callable[..., Message] = getattr(CHAPTERS[chapter] if chapter else self, function)
        return found

    def call(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer one call; return the JSON-RPC members `result` or `error`.

        Clauses: AP-4, AP-5, AP-6, AP-8, AP-13, AP-15, AP-16
        """
        if not isinstance(name, str) or name not in protocol.METHODS:
            return failure(protocol.METHOD_NOT_FOUND, f"there is no method {name}")
        method = protocol.METHODS[name]
        try:
            result = self.find_function(name)(method.params.model_validate(params), self.handles)
        except errors.CloisterError as refusal:
            return failure(protocol.REFUSED, str(refusal), error=type(refusal).__name__)
        except (ValidationError, UnknownHandle) as error:
            return failure(protocol.INVALID_PARAMS, str(error))
        except Exception as error:  # noqa: BLE001 - a defect of the reference is no refusal, and ends nothing
            traceback.print_exc()
            return failure(protocol.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        return {"result": result.model_dump()}

    def answer(self, line: bytes) -> str:
        """Answer one line.

        Clauses: AP-2, AP-7
        """
        try:
            request = json.loads(line)
            request_id, name, params = request["id"], request["method"], request.get("params", {})
            check_id(request_id)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            broken = failure(protocol.PARSE_ERROR, "this line is no request")
            return json.dumps({"jsonrpc": "2.0", "id": None, **broken})
        return json.dumps({"jsonrpc": "2.0", "id": request_id, **self.call(name, params)})

    @staticmethod
    def hello(params: Nothing, handles: Handles) -> messages.Hello:
        """Say who the implementation is and what it offers.

        Clauses: AP-1, AP-12
        """
        return messages.Hello(
            name="cloister reference",
            version=cloister.__version__,
            language="Python",
            spec=protocol.SPEC_VERSION,
            capabilities=list(protocol.CAPABILITIES),
        )

    @staticmethod
    def reset(params: Nothing, handles: Handles) -> Nothing:
        """Forget every handle.

        Clauses: AP-10
        """
        handles.forget()
        return Nothing()

    @staticmethod
    def save(params: messages.Save, handles: Handles) -> messages.SavedState:
        """Save what a handle stands for."""
        return messages.SavedState(state=handles.save(params.handle))

    @staticmethod
    def restore(params: messages.Restore, handles: Handles) -> Nothing:
        """Restore what a handle stood for."""
        handles.restore(params.handle, params.state)
        return Nothing()


def check_id(request_id: object) -> None:
    """Check that an id is an integer or a text."""
    if type(request_id) not in (int, str):  # true is an int to Python
        raise TypeError("this is no id")


def failure(code: int, message: str, **data: str) -> dict[str, Any]:
    """Build the `error` member of an answer."""
    return {"error": {"code": code, "message": message, "data": data}}
