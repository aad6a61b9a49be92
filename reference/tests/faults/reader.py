"""A client that fetches for one recipient, until it is killed: python reader.py NETWORK_FILE DATABASE RECIPIENT

The mailbox and the letters of a page are saved in one transaction; `letter` is what has been delivered, `round` how often
all was fetched, `begun` the number of the process.
"""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from cloister import errors, saved_state
from cloister.mailbox import Mailbox
from cloister.network import Client
from cloister.network_client import NetworkState

TIMEOUT_MS = 3000
PAUSE_SECONDS = 0.2


async def read(network_file: Path, database: sqlite3.Connection, recipient: str) -> None:
    """Fetch again and again."""
    with database:
        database.execute("UPDATE begun SET number = ?", (os.getpid(),))
    kept = dict(database.execute("SELECT kind, text FROM state"))
    box = saved_state.restore(kept["mailbox"], Mailbox) if kept else Mailbox()
    state = saved_state.restore(kept["network"], NetworkState) if kept else None
    async with Client(network_file, state, timeout_ms=TIMEOUT_MS) as client:
        while True:
            try:
                async for received in client.retrieve(recipient, box):
                    box = received.mailbox
                    with database:
                        texts = [("mailbox", saved_state.save(box)), ("network", saved_state.save(client.state))]
                        database.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", texts)
                        letters = [(letter.hash, letter.data) for letter in received.letters]
                        database.executemany("INSERT INTO letter VALUES (?, ?)", letters)
                with database:
                    database.execute("UPDATE round SET number = number + 1")
            except (errors.NetworkFailure, errors.TooFewNodes) as error:
                print(error, flush=True)
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    connection = sqlite3.connect(sys.argv[2])
    asyncio.run(read(Path(sys.argv[1]), connection, sys.argv[3]))
