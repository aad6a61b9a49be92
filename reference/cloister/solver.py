"""The search for a nonce of chapter 06 in several processes.

A shell: it starts processes, which a chapter's module may not. What they do is `proof_of_work.find_nonce`.
"""

import multiprocessing
from multiprocessing.connection import Connection, wait

from cloister import proof_of_work


class WorkerDied(Exception):
    """A search process ended without a nonce."""


def find_nonce_in_parallel(
    request: proof_of_work.Request,
    *,
    difficulty: int,
    processes: int,
    progress: proof_of_work.Progress = lambda tried: True,
) -> proof_of_work.Nonce:
    """Find a nonce with several processes; each tries every n-th counter, and the first to succeed ends the others.

    Raises:
        InvalidEncoding, OutOfRange, TooLarge: as `check`.
        Cancelled: `progress` answered False.
        ValueError: there is to be no process.
        WorkerDied: a process ended without a nonce.
    Clauses: PW-15, PW-16
    """
    if processes < 1:
        raise ValueError("a search needs at least one process")
    proof_of_work.check_request(request)
    proof_of_work.derive_target(len(proof_of_work.encode_payload(request)), int(request.ttl), difficulty)

    context = multiprocessing.get_context("spawn")
    readers: list[Connection] = []
    workers = []
    for index in range(processes):
        reader, writer = context.Pipe(duplex=False)
        worker = context.Process(target=search, args=(writer, request, difficulty, index, processes), daemon=True)
        worker.start()
        writer.close()
        readers.append(reader)
        workers.append(worker)
    try:
        return collect(readers, progress)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def search(writer: Connection, request: proof_of_work.Request, difficulty: int, first: int, step: int) -> None:
    """Search in a worker process; send the nonces tried so far, then the nonce."""

    def report(tried: int) -> bool:
        writer.send(tried)
        return True

    writer.send(proof_of_work.find_nonce(request, difficulty=difficulty, progress=report, first=first, step=step))


def collect(readers: list[Connection], progress: proof_of_work.Progress) -> proof_of_work.Nonce:
    """Collect what the workers send until one has found a nonce."""
    tried = dict.fromkeys(readers, 0)
    while True:
        for reader in wait(readers):
            assert isinstance(reader, Connection)
            try:
                message: int | proof_of_work.Nonce = reader.recv()
            except EOFError:
                raise WorkerDied(
                    "a search process ended early; is this program guarded by `if __name__ == ...`?"
                ) from None
            if isinstance(message, str):
                return message
            tried[reader] = message
        if not progress(sum(tried.values())):
            raise proof_of_work.Cancelled
