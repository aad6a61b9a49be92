"""A child process, and all the ways in which it can misbehave."""

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cloister_conformance import transport
from cloister_conformance.transport import BrokenAdapter, Child, HungAdapter

ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.buffer.flush()"
HANG = "import time; time.sleep(1000)"
MEBIBYTE = 2**20

Start = Callable[..., Child]


@pytest.fixture
def start(ends: Callable[[int], bool]) -> Iterator[Start]:
    """Start a Python program as a child; no process is left over."""
    children = []

    def start_program(program: str, *, timeout_seconds: float = 5, **environment: str) -> Child:
        child = Child(
            [sys.executable, "-S", "-E", "-c", program],
            folder=Path(),
            environment=environment,
            timeout_seconds=timeout_seconds,
        )
        children.append(child)
        return child

    yield start_program
    for child in children:
        if child.process.stdout and not child.process.stdout.closed:
            child.stop()
        assert ends(child.process.pid)


def test_an_end_is_told_though_the_pipe_stays_open(start: Start) -> None:
    child = start("import os, subprocess; subprocess.Popen(['sleep', '1000']); os._exit(3)", timeout_seconds=0.5)
    with pytest.raises(BrokenAdapter, match="exited with status 3 without an answer"):
        child.receive()


def test_a_child_that_closes_its_input_is_named(start: Start) -> None:
    child = start("import os, time; os.close(0); print(flush=True); time.sleep(1000)")
    child.receive()
    with pytest.raises(BrokenAdapter, match="closed its input and goes on running"):
        child.send(b"hello\n")


def test_a_line_comes_back(start: Start) -> None:
    child = start(ECHO)
    child.send(b"hello\n")
    assert child.receive() == b"hello"


def test_lines_that_come_together_are_received_one_by_one(start: Start) -> None:
    child = start(ECHO)
    child.send(b"one\ntwo\n\n")
    assert [child.receive() for _ in range(3)] == [b"one", b"two", b""]


def test_a_line_greater_than_every_pipe_goes_both_ways(start: Start) -> None:
    child = start(ECHO)
    line = b"x" * (3 * MEBIBYTE)
    child.send(line + b"\n")
    assert child.receive() == line


def test_a_line_that_comes_byte_by_byte_is_put_together(start: Start) -> None:
    child = start("import os\nfor byte in 'grüße\\n'.encode(): os.write(1, bytes([byte]))")
    assert child.receive().decode() == "grüße"


def test_the_environment_is_added_to_the_own_one(start: Start) -> None:
    child = start("import os; print(os.environ['ADDED'], 'PATH' in os.environ)", ADDED="added")
    assert child.receive() == b"added True"


def test_the_child_runs_in_its_folder(tmp_path: Path) -> None:
    child = Child(["pwd"], folder=tmp_path, environment={}, timeout_seconds=5)
    assert child.receive().decode() == str(tmp_path.resolve())
    child.stop()


# Time


def test_waiting_costs_nothing(start: Start) -> None:
    child = start("import time; time.sleep(1); print()")
    begin = time.process_time()
    child.receive()
    assert time.process_time() - begin < 0.05


@pytest.mark.parametrize(
    "program",
    [
        HANG,
        "import os, time\nwhile True: os.write(1, b'x'); time.sleep(0.01)",
        "import os\nwhile True: os.write(2, b'complaint' * 1000)",
        "import os, time; os.close(2); time.sleep(1000)",
    ],
    ids=["silent", "drips without a line feed", "complains for ever", "closes its standard error"],
)
def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_allowed(start: Start, program: str) -> None:
    child = start(program, timeout_seconds=0.3)
    begin = time.monotonic()
    with pytest.raises(HungAdapter, match=r"gave no answer within 0\.3 seconds"):
        child.receive()
    assert 0.3 <= time.monotonic() - begin < 2


def test_output_does_not_move_the_deadline(start: Start) -> None:
    child = start("import os, time; os.write(2, b'complaint'); time.sleep(1000)")
    select.select([child.stderr], [], [], 5)
    with pytest.raises(HungAdapter):
        child.wait(time.monotonic() - 1)


def test_a_child_that_does_not_read_is_waited_for_no_longer_than_allowed(start: Start) -> None:
    child = start(HANG, timeout_seconds=0.3)
    begin = time.monotonic()
    with pytest.raises(HungAdapter):
        child.send(b"x" * MEBIBYTE)
    assert 0.3 <= time.monotonic() - begin < 2


def test_a_slow_answer_is_an_answer(start: Start) -> None:
    child = start("import time; time.sleep(0.4); print('late')", timeout_seconds=5)
    assert child.receive() == b"late"


# Output without end


def test_a_line_without_end_is_broken_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_LINE_BYTES", MEBIBYTE)
    child = start("import os\nwhile True: os.write(1, b'x' * 65536)")
    with pytest.raises(BrokenAdapter, match="wrote more than 1048576 bytes in one line"):
        child.receive()
    assert len(child.buffer) <= MEBIBYTE + transport.CHUNK


def test_lines_that_nobody_asked_for_are_broken_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_LINE_BYTES", MEBIBYTE)
    child = start("import os\nwhile True: os.write(1, b'unasked\\n' * 8192)")
    with pytest.raises(BrokenAdapter, match="without being asked"):
        child.send(b"x" * (8 * MEBIBYTE))
    assert len(child.buffer) <= MEBIBYTE + transport.CHUNK


def test_of_standard_error_the_end_is_kept_and_nothing_blocks(start: Start) -> None:
    child = start(
        f"import sys; sys.stderr.write('x' * {8 * MEBIBYTE} + 'the end'); sys.stderr.flush(); print('answer')"
    )
    assert child.receive() == b"answer"
    child.stop()
    assert len(child.errors) == transport.STDERR_BYTES
    assert child.error_text.endswith("the end")


def test_standard_error_is_read_of_a_child_that_runs(start: Start) -> None:
    child = start("import os, time; os.write(2, b'a word'); print('answer', flush=True); time.sleep(1000)")
    child.receive()
    child.drain_errors()
    assert child.error_text == "a word"


def test_standard_error_need_not_be_text(start: Start) -> None:
    child = start("import os; os.write(2, b'\\xff\\xfe'); print()")
    child.receive()
    child.stop()
    assert child.error_text == "\N{REPLACEMENT CHARACTER}" * 2


# Ends


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "exited with status 0 without an answer"),
        ("raise SystemExit(7)", "exited with status 7 without an answer"),
        ("import os; os.write(1, b'half a line')", "exited with status 0 without an answer"),
        ("import os; os.kill(os.getpid(), 11)", "was killed by SIGSEGV without an answer"),
        ("import os; os.kill(os.getpid(), 40)", "was killed by signal 40 without an answer"),
        ("import os, time; os.close(1); time.sleep(1000)", "closed its output and goes on running"),
    ],
)
def test_the_end_of_a_child_is_described(start: Start, program: str, message: str) -> None:
    with pytest.raises(BrokenAdapter) as caught:
        start(program).receive()
    assert str(caught.value) == message


def test_a_child_that_is_gone_cannot_be_written_to(start: Start) -> None:
    child = start("raise SystemExit(7)")
    child.process.wait()
    with pytest.raises(BrokenAdapter, match="exited with status 7"):
        child.send(b"x" * MEBIBYTE)


def test_the_last_words_of_a_child_are_kept(start: Start) -> None:
    child = start("import os; os.write(2, b'last words'); raise SystemExit(7)")
    with pytest.raises(BrokenAdapter):
        child.receive()
    child.stop()
    assert child.error_text == "last words"


def test_stopping_ends_what_the_child_started_too(start: Start, ends: Callable[[int], bool]) -> None:
    child = start("import subprocess; print(subprocess.Popen(['sleep', '1000']).pid, flush=True); input()")
    grandchild = int(child.receive())
    os.kill(grandchild, 0)
    child.stop()
    assert ends(child.process.pid)


def test_a_grandchild_that_holds_the_pipes_does_not_stop_the_end() -> None:
    child = Child(["sh", "-c", "sleep 1000 & echo"], folder=Path(), environment={}, timeout_seconds=5)
    child.receive()
    child.process.wait()
    begin = time.monotonic()
    child.stop()
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("input_ = open(0).read()", 0),
        ("open(0).read(); raise SystemExit(4)", 4),
        (HANG, None),
        ("import os; os.close(1); os.close(2); open(0).read()", 0),
        ("import os, time; os.close(1); os.close(2); time.sleep(1000)", None),
    ],
)
def test_closing_the_input_tells_the_exit_status(start: Start, program: str, status: int | None) -> None:
    assert start(program).close_input(0.5 if status is None else 5) == status


@pytest.mark.parametrize("before", ["pass", "os.close({other})"], ids=["", "the other is closed"])
@pytest.mark.parametrize("stream", [1, 2])
def test_much_that_is_written_after_the_end_of_the_input_is_read(start: Start, stream: int, before: str) -> None:
    closing = before.format(other=3 - stream)
    child = start(f"import os; open(0).read(); {closing}; open({stream}, 'w').write('x' * {MEBIBYTE} + 'the end')")
    assert child.close_input(5) == 0
    assert (child.buffer, child.errors)[stream - 1].endswith(b"the end")


@pytest.mark.parametrize(
    ("command", "folder", "message"),
    [
        ("no_such_command", ".", "No such file or directory: no_such_command"),
        ("/etc/passwd", ".", "Permission denied: /etc/passwd"),
        ("true", "no_such_folder", "No such file or directory"),
    ],
)
def test_a_command_that_cannot_be_started_is_named(command: str, folder: str, message: str) -> None:
    with pytest.raises(BrokenAdapter, match=f"could not be started: {message}"):
        Child([command], folder=Path(folder), environment={}, timeout_seconds=1)
