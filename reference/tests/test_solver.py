"""The search in several processes: it finds, tells its progress, is cancelled, and leaves no process behind."""

import multiprocessing

import pytest
from cloister import errors, proof_of_work, solver
from cloister.proof_of_work import Request

EASY = Request(timestamp="1600000000000", ttl="10000", recipient="05" + "ab" * 32, data="aGVsbG8=")
IMPOSSIBLE = 2**40


def test_several_processes_find_a_nonce_and_are_gone() -> None:
    nonce = solver.find_nonce_in_parallel(EASY, difficulty=300, processes=2)
    proof_of_work.check(EASY, nonce, difficulty=300)
    assert multiprocessing.active_children() == []


def test_several_processes_are_cancelled_and_are_gone() -> None:
    told: list[int] = []

    def progress(tried: int) -> bool:
        told.append(tried)
        return len(told) < 4

    with pytest.raises(proof_of_work.Cancelled):
        solver.find_nonce_in_parallel(EASY, difficulty=IMPOSSIBLE, processes=2, progress=progress)
    assert told == sorted(told)
    assert told[-1] > 0
    assert multiprocessing.active_children() == []


def test_workers_are_gone_when_the_callback_fails() -> None:
    def progress(tried: int) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solver.find_nonce_in_parallel(EASY, difficulty=IMPOSSIBLE, processes=2, progress=progress)
    assert multiprocessing.active_children() == []


def test_a_bad_request_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: pytest.fail("a process was started"))
    bad = Request(timestamp=EASY.timestamp, ttl="010000", recipient=EASY.recipient, data=EASY.data)
    with pytest.raises(errors.InvalidEncoding):
        solver.find_nonce_in_parallel(bad, difficulty=1, processes=2)
    with pytest.raises(errors.OutOfRange):
        solver.find_nonce_in_parallel(EASY, difficulty=0, processes=2)


def test_without_a_process_there_is_no_search() -> None:
    with pytest.raises(ValueError, match="at least one process"):
        solver.find_nonce_in_parallel(EASY, difficulty=1, processes=0)


def test_a_process_that_dies_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "search", bytes)  # a function of other arguments: the process ends with a TypeError
    with pytest.raises(solver.WorkerDied, match="ended early"):
        solver.find_nonce_in_parallel(EASY, difficulty=IMPOSSIBLE, processes=2)
    assert multiprocessing.active_children() == []
