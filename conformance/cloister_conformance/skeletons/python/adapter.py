"""The adapter of {{name}}: answers the requests of chapter 13, one on a line, by calls of the library."""

import inspect
import json
import sys
import traceback
from collections.abc import Callable

# Import the library here.


class Refusal(Exception):
    """The library refused; the text is an error name of chapter 01."""


def hello() -> dict[str, object]:
    capabilities = ["proof-of-work-target"]  # add one when all of its methods are in METHODS
    return {"name": "{{name}}", "version": "0", "language": "Python", "spec": "0.1", "capabilities": capabilities}


def reset() -> dict[str, object]:
    return {}  # forget here what the handles stand for


def target(payload_length: int, ttl_ms: int, difficulty: int) -> dict[str, object]:
    # An example, chapter 06: call the library instead, or remove it. Bytes are hex: bytes.fromhex(text), data.hex().
    product = ttl_ms // 1000 * (payload_length + 8)
    divisor = difficulty * (payload_length + 8 + product // 65535)
    if min(payload_length, ttl_ms, difficulty - 1) < 0 or max(product, divisor) >= 2**64:
        raise Refusal("OutOfRange")
    return {"target": f"{(2**64 - 1) // divisor:016x}"}


METHODS: dict[str, Callable[..., dict[str, object]]] = {"hello": hello, "reset": reset, "proof_of_work.target": target}


def call(name: str, params: dict[str, object]) -> dict[str, object]:
    if name not in METHODS:
        return failure(-32601, f"there is no method {name}")
    try:
        inspect.signature(METHODS[name]).bind(**params)
    except TypeError as error:
        return failure(-32602, str(error))
    try:
        return {"result": METHODS[name](**params)}
    except Refusal as refusal:
        return failure(-32000, "the library refused", error=str(refusal))
    except Exception:
        return failure(-32603, traceback.format_exc())


def failure(code: int, message: str, **data: str) -> dict[str, object]:
    return {"error": {"code": code, "message": message, "data": data}}


def answer(line: bytes) -> dict[str, object]:
    try:
        request = json.loads(line)
        request_id, name = request["id"], str(request["method"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return {"jsonrpc": "2.0", "id": None, **failure(-32700, "this line is not a request")}
    return {"jsonrpc": "2.0", "id": request_id, **call(name, request.get("params", {}))}


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what the library prints is not an answer
    for line in sys.stdin.buffer:
        print(json.dumps(answer(line)), file=answers, flush=True)
