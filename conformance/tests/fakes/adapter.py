"""A fake adapter: the reference behind the adapter protocol, with the misbehaviour that its arguments ask for.

    python adapter.py [METHOD=BEHAVIOUR ...] [--offer CAPABILITIES] [--pids FILE] [--once FILE]

A behaviour is a function below, its underscores written as hyphens. `start=BEHAVIOUR` and `end=BEHAVIOUR` stand for the start of
the process and the end of its input. Whenever it misbehaves, it says so on standard error first.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloister import errors
from cloister_conformance import protocol
from cloister_conformance.reference_adapter import Adapter

Message = dict[str, Any]
Behaviour = Callable[[Message], None]

A_LONG_TIME = 1000
MEBIBYTE = 2**20


def write(*parts: str | bytes) -> None:
    """Write to standard output and flush after each part."""
    for part in parts:
        sys.stdout.buffer.write(part.encode() if isinstance(part, str) else part)
        sys.stdout.buffer.flush()


def write_line(answer: object) -> None:
    """Write an answer as every adapter does."""
    write(json.dumps(answer) + "\n")


def write_error(answer: Message, code: int, message: str, **data: object) -> None:
    """Write an error in the place of an answer."""
    write_line({"jsonrpc": "2.0", "id": answer["id"], "error": {"code": code, "message": message, "data": data}})


def change(text: str) -> str:
    """Change the last character of a text; hex stays hex."""
    return text[:-1] + ("0" if text[-1] == "1" else "1") if text else "00"


# Not answering


def hang(answer: Message) -> None:
    time.sleep(A_LONG_TIME)


def exit_3(answer: Message) -> None:
    os._exit(3)


def segfault(answer: Message) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def real_time_signal(answer: Message) -> None:
    os.kill(os.getpid(), 40)


def close_output(answer: Message) -> None:
    os.close(1)
    time.sleep(A_LONG_TIME)


def half_an_answer(answer: Message) -> None:
    write(json.dumps(answer)[:20])
    os._exit(0)


def stop_reading(answer: Message) -> None:
    write_line(answer)
    time.sleep(A_LONG_TIME)


def complain_for_ever(answer: Message) -> None:
    while True:
        sys.stderr.write("complaint\n" * 1000)


def flood(answer: Message) -> None:
    while True:
        write(b"x" * MEBIBYTE)


# Answering something else


def rubbish(answer: Message) -> None:
    write("rubbish\n")


def rubbish_before(answer: Message) -> None:
    write("loading the library ...\n" + json.dumps(answer) + "\n")


def rubbish_after(answer: Message) -> None:
    write(json.dumps(answer) + "\ndone\n")


def two_answers(answer: Message) -> None:
    write(2 * (json.dumps(answer) + "\n"))


def other_id(answer: Message) -> None:
    write_line({**answer, "id": answer["id"] + 1})


def text_id(answer: Message) -> None:
    write_line({**answer, "id": str(answer["id"])})


def null_id(answer: Message) -> None:
    write_line({**answer, "id": None})


def no_id(answer: Message) -> None:
    write_line({name: value for name, value in answer.items() if name != "id"})


def no_jsonrpc(answer: Message) -> None:
    write_line({name: value for name, value in answer.items() if name != "jsonrpc"})


def deep(answer: Message) -> None:
    write("[" * MEBIBYTE + "\n")


def result_and_error(answer: Message) -> None:
    write_line({**answer, "result": {}, "error": {"code": -1, "message": "both"}})


def no_such_member(answer: Message) -> None:
    write_line({"jsonrpc": "2.0", "id": answer["id"], "result": {"no_such_member": "00"}})


def no_result(answer: Message) -> None:
    write_line({"jsonrpc": "2.0", "id": answer["id"], "result": None})


def lie(answer: Message) -> None:
    """Answer a result in which the last character of each text is another, or a refusal by another name."""
    if "result" in answer:
        changed = {name: change(text) for name, text in answer["result"].items()}
        write_line({**answer, "result": changed})
    else:
        write_error(answer, protocol.REFUSED, "refused for another reason", error="SenderKeyExhausted")


def accept(answer: Message) -> None:
    write_line({"jsonrpc": "2.0", "id": answer["id"], "result": {"public_key": "05"}})


def accept_anything(answer: Message) -> None:
    write_line({"jsonrpc": "2.0", "id": answer["id"], "result": {}})


def not_found(answer: Message) -> None:
    write_error(answer, protocol.METHOD_NOT_FOUND, "not here")


def internal_error(answer: Message) -> None:
    write_error(answer, protocol.INTERNAL_ERROR, "an exception that nobody foresaw")


def unnamed_refusal(answer: Message) -> None:
    write_error(answer, protocol.REFUSED, "no")


def error_is_text(answer: Message) -> None:
    write_line({"jsonrpc": "2.0", "id": answer["id"], "error": "no"})


def no_data(answer: Message) -> None:
    write_line(
        {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": protocol.REFUSED, "message": "no", "data": None}}
    )


def unpaired_surrogate(answer: Message) -> None:
    write_error(answer, protocol.REFUSED, "\ud800", error="\udfff")


def huge_line(answer: Message) -> None:
    write_error(answer, protocol.INTERNAL_ERROR, "x" * 80 * MEBIBYTE)


def long_line(answer: Message) -> None:
    write_error(answer, protocol.INTERNAL_ERROR, "x" * 8 * MEBIBYTE)


# Answering as it should, in an unusual way


def family(answer: Message) -> None:
    """Refuse with the family's name."""
    if "error" in answer:
        name = answer["error"]["data"]["error"]
        answer["error"]["data"]["error"] = getattr(errors, name).__base__.__name__
    write_line(answer)


def slowly(answer: Message) -> None:
    time.sleep(0.3)
    write_line(answer)


def chatty(answer: Message) -> None:
    for _ in range(4 * 1024):
        sys.stderr.write("x" * 1023 + "\n")
    write_line(answer)


def split(answer: Message) -> None:
    """Write each byte alone, also those of one character."""
    answer["error"]["message"] = "grüße \N{KEY}"
    line = json.dumps(answer, ensure_ascii=False) + "\n"
    write(*(bytes([byte]) for byte in line.encode()))


def unknown_capability(answer: Message) -> None:
    answer["result"]["capabilities"].append("telepathy")
    write_line(answer)


def marked_capability(answer: Message) -> None:
    answer["result"]["capabilities"].append("[/red]")
    write_line(answer)


def script_name(answer: Message) -> None:
    answer["result"]["name"] = '<script>alert("1 & 2")</script>'
    write_line(answer)


def unlisted(answer: Message) -> None:
    """List nothing, and answer everything."""
    answer["result"]["capabilities"] = []
    write_line(answer)


def find_behaviour(name: str) -> Behaviour:
    """Find the function of a behaviour."""
    behaviour: Behaviour = globals()[name.replace("-", "_")]
    return behaviour


class Fake:
    """The reference adapter, except where it misbehaves or does not offer."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.adapter = Adapter(random.SystemRandom().randbytes)
        self.behaviours = dict(argument.split("=") for argument in arguments.behaviours)
        self.capabilities = list(protocol.CAPABILITIES) if arguments.offer is None else arguments.offer.split(",")
        self.once: Path | None = arguments.once

    def answer(self, line: bytes) -> None:
        """Answer one line."""
        answer = json.loads(self.adapter.answer(line))
        method = self.find_method(line)
        if method in protocol.METHODS and protocol.METHODS[method].capability not in (None, *self.capabilities):
            write_error(answer, protocol.METHOD_NOT_FOUND, "not offered")
            return
        if method == "hello" and "result" in answer:
            answer["result"]["capabilities"] = list(self.capabilities)
        if not self.misbehaves(method, answer):
            write_line(answer)

    @staticmethod
    def find_method(line: bytes) -> str:
        """Find the method of a request."""
        try:
            return str(json.loads(line)["method"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return ""

    def misbehaves(self, moment: str, answer: Message) -> bool:
        """Misbehave if it is the moment; tell whether it was."""
        behaviour = self.behaviours.get(moment)
        if behaviour is None or self.was_once():
            return False
        sys.stderr.write(f"fake adapter: {behaviour} at {moment}\n")
        find_behaviour(behaviour)(answer)
        return True

    def was_once(self) -> bool:
        """Tell whether it misbehaved before, if it is to do so only once."""
        if self.once is None:
            return False
        if self.once.exists():
            return True
        self.once.touch()
        return False


def main() -> None:
    """Answer line by line until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("behaviours", nargs="*", metavar="METHOD=BEHAVIOUR")
    parser.add_argument("--offer", metavar="CAPABILITIES", help="list and answer only these, separated by commas")
    parser.add_argument("--pids", type=Path, metavar="FILE", help="append the process id to a file")
    parser.add_argument(
        "--once", type=Path, metavar="FILE", help="misbehave once: not if the file exists, which is then made"
    )
    arguments = parser.parse_args()
    if arguments.pids:
        with arguments.pids.open("a") as file:
            file.write(f"{os.getpid()}\n")
    fake = Fake(arguments)
    fake.misbehaves("start", {})
    for line in sys.stdin.buffer:
        fake.answer(line)
    fake.misbehaves("end", {})


if __name__ == "__main__":
    main()
