"""Somebody who talks in a group until killed: python person.py NETWORK_FILE FOLDER NAME TEXTS

The account is in FOLDER/NAME.sqlite, its id in FOLDER/NAME.id. Whoever finds the ids of others in FOLDER/found creates a group of
them. Everybody says so many texts in the first group that there is, `NAME 0` and so on, and shows what comes in FOLDER/NAME.shown.
"""

import asyncio
import json
import sqlite3
import sys
from pathlib import Path

from cloister import identity
from cloister.network import Client, Messenger, News, Refusal

TIMEOUT_MS = 3000
PAUSE_SECONDS = 0.2
POLL_SECONDS = 0.2


async def main(network_file: Path, folder: Path, name: str, texts: int) -> None:
    """Run a messenger, talk, and show what comes."""
    shown = sqlite3.connect(folder / f"{name}.shown", isolation_level=None)
    shown.execute("CREATE TABLE IF NOT EXISTS shown (number INTEGER PRIMARY KEY, told TEXT NOT NULL)")

    def connect(state: object) -> Client:
        return Client(network_file, state, timeout_ms=TIMEOUT_MS)

    async with Messenger(folder / f"{name}.sqlite", connect) as one, asyncio.TaskGroup() as tasks:
        (folder / f"{name}.id").write_text(identity.encode_account_id(one.ours))
        tasks.create_task(one.run(poll_seconds=POLL_SECONDS))
        tasks.create_task(talk(one, folder / "found", name, texts))
        tasks.create_task(show(one, shown))


async def talk(one: Messenger, found: Path, name: str, texts: int) -> None:
    """Create a group, if that is asked for, and say the texts; how many were said is seen in the group."""
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        groups = one.client.groups
        if not groups and found.exists() and found.read_text().startswith(name):
            one.create_group([identity.decode_account_id(each) for each in found.read_text().split()[1:]], "hike")
        for group in list(groups.values()):
            if group.next_index < texts:
                one.send(group.group_id, f"{name} {group.next_index}")


async def show(one: Messenger, shown: sqlite3.Connection) -> None:
    """Show what comes, each number once, and then acknowledge it."""
    while True:
        for news in await one.wait_for_news():
            shown.execute("INSERT OR IGNORE INTO shown VALUES (?, ?)", (news.number, describe(news)))
            one.acknowledge(news.number)


def describe(news: News) -> str:
    """What is shown."""
    told = news.told
    if isinstance(told, Refusal):
        return json.dumps(["refused", told.error])
    return json.dumps([getattr(told, "kind", "text"), told.text])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
