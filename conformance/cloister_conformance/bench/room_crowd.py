"""Many members of a room who poll in turn, each on a connection of its own, while some of them post.

All are in one process, beside the server's: it signs what they ask before the clock of a poll runs, and reads what came
when it stands.
"""

import json
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from cloister.server_id import SigningId

from cloister_conformance.bench.rooms import (
    POSTS_OF_ACCOUNT,
    Line,
    build_poll,
    build_post,
    make_account,
    serve,
    write_http,
)
from cloister_conformance.bench.rounds import Crowd, find_percentile, without_garbage_collection
from cloister_conformance.bench.servers import CONNECTIONS

Act = Callable[[], object]

POSTERS = 4
ROUNDS = 4
"""In which each member polls once; in the last of them nobody posts."""
ALONE = 100
"""Polls of one member when nobody else asks."""
SPARE_FILES = 200


@dataclass(slots=True)
class Member:
    """A member: its connection, its cursor, the ids of the posts that it saw, and how long its polls took."""

    signer: SigningId
    line: Line
    cursor: int = 0
    seen: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def poll(self) -> None:
        """Ask for what is new, and read it."""
        request = write_http(build_poll(self.signer, self.cursor))
        start = time.perf_counter()
        answer = self.line.ask(request)
        self.seconds.append(time.perf_counter() - start)
        page = json.loads(answer)
        self.seen += [message["id"] for message in page]
        self.cursor = max([self.cursor, *(message["seqno"] for message in page)])

    def post(self) -> int:
        """Post; return the id of the post."""
        return int(json.loads(self.line.ask(write_http(build_post(self.signer))))["id"])


def measure(url: str | None, members: int) -> Crowd:
    """Measure a room of so many members."""
    allow_files(members + SPARE_FILES)
    with serve(url) as server, ExitStack() as stack:

        def join() -> Member:
            return Member(make_account(), stack.enter_context(closing(Line(server.port))))

        return measure_room([join() for _ in range(members)], [join() for _ in range(POSTERS)])


def measure_room(members: list[Member], posters: list[Member]) -> Crowd:
    """Measure a room in which members poll in turn, and others post."""
    for _ in range(ALONE):
        members[0].poll()
    alone = statistics.median(members[0].seconds)
    members[0].seconds.clear()
    posted: list[int] = []
    posts = [build_posting(poster, posted) for _ in range(POSTS_OF_ACCOUNT) for poster in posters]
    with ThreadPoolExecutor(CONNECTIONS) as threads, without_garbage_collection():
        start = time.perf_counter()
        for acts in plan([member.poll for member in members], posts):
            list(threads.map(lambda act: act(), acts))
        seconds = time.perf_counter() - start

    taken = sorted(taken / alone for member in members for taken in member.seconds)
    return Crowd(
        members=len(members),
        posts=len(posted),
        polls=len(taken),
        polls_per_second=len(taken) / seconds,
        alone_milliseconds=1000 * alone,
        median=find_percentile(taken, 50),
        p95=find_percentile(taken, 95),
        p99=find_percentile(taken, 99),
        longest=taken[-1],
        reopened=sum(member.line.opened - 1 for member in [*members, *posters]),
        complete=sum(member.seen == sorted(posted) for member in members),
    )


def build_posting(poster: Member, posted: list[int]) -> Act:
    """Build an act: somebody posts, and the id is noted."""
    return lambda: posted.append(poster.post())


def plan(polls: Sequence[Act], posts: Sequence[Act]) -> Iterator[list[Act]]:
    """Plan rounds in which each member polls once, posts spread over all but the last of them."""
    for number in range(ROUNDS - 1):
        mine = posts[number :: ROUNDS - 1]
        acts = list(polls)
        for place, post in enumerate(mine):
            acts.insert(place * (len(polls) // len(mine) + 1), post)
        yield acts
    yield list(polls)


def allow_files(count: int) -> None:
    """Let this process, and those that it starts, have so many files open, connections among them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
