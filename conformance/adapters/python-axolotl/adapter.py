"""Answers the requests of chapter 13, one on a line. Nothing here is about one library: library.py is."""

import inspect
import json
import sys
import traceback

answers, sys.stdout = sys.stdout, sys.stderr  # what the library prints is not an answer

import library  # noqa: E402


def call(name: str, params: dict[str, object]) -> dict[str, object]:
    """Answer one call."""
    if name not in library.METHODS:
        return failure(-32601, f"there is no method {name}")
    try:
        inspect.signature(library.METHODS[name]).bind(**params)
    except TypeError as error:
        return failure(-32602, str(error))
    try:
        return {"result": library.METHODS[name](**params) or {}}
    except Exception as error:
        return describe(error)


def describe(error: Exception) -> dict[str, object]:
    """Answer what was raised: a refusal if the library means it as one."""
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, library.InvalidParams):
        return failure(-32602, message)
    if refusal := library.name_refusal(error):
        return failure(-32000, message, error=refusal)
    traceback.print_exception(error)
    return failure(-32603, message)


def failure(code: int, message: str, **data: str) -> dict[str, object]:
    """Build the error of an answer."""
    return {"error": {"code": code, "message": message, "data": data}}


def answer(line: bytes) -> dict[str, object]:
    """Answer one line."""
    try:
        request = json.loads(line)
        request_id, name = request["id"], str(request["method"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return {"jsonrpc": "2.0", "id": None, **failure(-32700, "this line is not a request")}
    return {"jsonrpc": "2.0", "id": request_id, **call(name, request.get("params", {}))}


for line in sys.stdin.buffer:
    print(json.dumps(answer(line)), file=answers, flush=True)
