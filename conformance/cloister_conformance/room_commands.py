"""The commands `cloister room`: one account in the rooms of open-group servers, by onion requests over a network.

Each opens the file of the account, does one thing, and tells in a line what has come of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from cloister import errors, identity, open_group_queries, room
from cloister.network import Client, Messenger, RoomClient, UnusableFile
from cloister.open_group_rights import BLACKLIST_GROUP, WHITELIST_GROUP
from cloister.room import Post
from cloister.room_post import RoomFile
from cloister.room_request import FLAGS, KnownRoom, RoomNews
from cloister.signed_request import Refusal

USAGE = 2
COULD_NOT_RUN = 3
SHOWN_POSTS = 20
HINTS = {
    400: "the request is of another form: is the id right?",
    403: "banned, or without the right",
    404: "it is not there, or this account is not approved and invited",
    413: "it is too long",
    429: "wait a quarter of a minute",
}
"""What a user can make of a status."""

app = typer.Typer(
    help="Take part in rooms of open-group servers, by onion requests. The server can read all that is written.",
    no_args_is_help=True,
)
Result = TypeVar("Result")
AccountOption = Annotated[
    Path, typer.Option("--account", metavar="FILE", help="the account; made when it is not there")
]
NetworkOption = Annotated[
    Path, typer.Option("--network", metavar="FILE", help="the network, as `cloister devnet` writes it")
]
RoomArgument = Annotated[str, typer.Argument(metavar="ROOM", help="token of a room that was joined, or its link")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="of an account: 66 digits, as others show it")]
MessageArgument = Annotated[int, typer.Argument(metavar="MESSAGE", help="its number, as `read` shows it")]
ACCOUNT = Path("account.sqlite")
NETWORK = Path("devnet/network.json")


class Unusable(Exception):
    """What was asked for cannot be done; the message says what to do."""


@contextmanager
def explaining() -> Iterator[None]:
    """Turn what a user can mend into one line and an exit code."""
    try:
        yield
    except errors.ServerRefused as refusal:
        hint = HINTS.get(refusal.status)
        fail(f"{refusal} ({hint})" if hint else str(refusal), USAGE)
    except errors.UntrustedIdentity:
        fail(
            "the server is known with another key: if you trust the new one, `cloister room leave` the old rooms first",
            USAGE,
        )
    except errors.NetworkFailure as error:
        fail(f"{error}: does the server run, and is the key in its link the right one?", COULD_NOT_RUN)
    except errors.CloisterError as error:
        fail(str(error), USAGE)
    except Refusal as refusal:
        fail(refusal.reason, USAGE)
    except (OSError, Unusable, UnusableFile) as error:
        fail(str(error), USAGE)


def fail(line: str, code: int) -> NoReturn:
    """Tell why it is over."""
    typer.echo(f"cloister: {clean(line)}", err=True)
    raise typer.Exit(code)


def clean(text: str) -> str:
    """Take out of a text by strangers what a terminal would obey."""
    return "".join(mark if mark.isprintable() or mark == "\n" else "\N{REPLACEMENT CHARACTER}" for mark in text)


def run(account: Path, network: Path, act: Callable[[Messenger], Awaitable[Result]]) -> Result:
    """Do something with an account."""

    async def main() -> Result:
        opened = Messenger(account, lambda state: Client(network, state), tell=lambda line: typer.echo(line, err=True))
        async with opened:
            return await act(opened)

    with explaining():
        if not network.exists():
            raise Unusable(f"there is no {network}: run `cloister devnet --dir devnet`, or name it with --network")
        return asyncio.run(main())


def find_room(one: Messenger, name: str) -> KnownRoom:
    """Find a room that was joined, by its token or its link.

    Raises:
        Unusable: there is none, or more than one.
    """
    found = [known for address, known in one.rooms.items() if name in {known.link.room, address}]
    if not found:
        raise Unusable(f"this account is in no room {name}: `cloister room join LINK` first")
    if len(found) > 1:
        raise Unusable(f"this account is in {len(found)} rooms {name}: give the link, as `cloister room list` shows it")
    return found[0]


def run_in_room(
    account: Path, network: Path, name: str, act: Callable[[RoomClient, KnownRoom], Awaitable[Result]]
) -> Result:
    """Do something in a room."""

    async def enter(one: Messenger) -> Result:
        known = find_room(one, name)
        return await act(one.open_server(known.link), known)

    return run(account, network, enter)


def find_post(known: KnownRoom, message: int) -> Post:
    """Find a post that was read.

    Raises:
        Unusable: there is none.
    """
    post = known.view.posts.get(message)
    if post is None:
        raise Unusable(f"there is no post {message} here: `cloister room read {known.link.room}` first")
    return post


# Rooms


@app.command(name="id")
def show_id(account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK) -> None:
    """Print the account id, by which others approve this account."""

    async def act(one: Messenger) -> str:
        return identity.encode_account_id(one.ours)

    typer.echo(run(account, network, act))


@app.command()
def join(
    link: Annotated[str, typer.Argument(metavar="LINK", help="as the server prints it; quote it")],
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Join a room by its link, with the invitation if it has one."""
    with explaining():
        decoded = room.decode_link(link)
    typer.echo(f"{decoded.host} and its operator can read everything in this room; they do not learn your address")

    async def act(one: Messenger) -> KnownRoom:
        address = await one.join_room(decoded)
        return one.rooms[address]

    known = run(account, network, act)
    typer.echo(f"joined {known.link.room}: {clean(known.info.name)}, {len(known.view.posts)} posts read")


@app.command(name="list")
def list_rooms(account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK) -> None:
    """List the rooms that were joined."""

    async def act(one: Messenger) -> list[str]:
        return [f"{known.link.room}  {clean(known.info.name)}  {address}" for address, known in one.rooms.items()]

    for line in run(account, network, act):
        typer.echo(line)


@app.command()
def leave(room_name: RoomArgument, account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK) -> None:
    """Forget a room; with the last room of a server its key."""

    async def act(one: Messenger) -> None:
        one.leave_room(find_room(one, room_name).address)

    run(account, network, act)
    typer.echo(f"left {room_name}")


@app.command()
def read(
    room_name: RoomArgument,
    last: Annotated[int, typer.Option(min=1, help="so many posts")] = SHOWN_POSTS,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Fetch what is new, and print the last posts."""

    async def act(one: Messenger) -> KnownRoom:
        known = find_room(one, room_name)
        async for polled in one.poll_server([known.address]):
            for event in polled.events:
                if event.error is not None:
                    typer.echo(f"message {event.id} is refused: {clean(str(event.error))}", err=True)
            if polled.refusal is not None:
                raise polled.refusal
        acknowledge(one, known)
        return one.rooms[known.address]

    posts = run(account, network, act).view.posts
    for number in sorted(posts)[-last:]:
        for line in describe_post(posts[number]):
            typer.echo(line)
    if not posts:
        typer.echo("nothing is posted yet")


def acknowledge(one: Messenger, known: KnownRoom) -> None:
    """Acknowledge the news of a room, as far as none of something else comes before."""
    for news in one.find_news():
        if not isinstance(news.told, RoomNews) or news.told.address != known.address:
            return
        one.acknowledge(news.number)


def describe_post(post: Post) -> list[str]:
    """Describe a post in lines: its number and author, what it says, its files."""
    text = [f"   {line}" for line in clean(post.content.text).splitlines()]
    files = [f"   file {file.id}: {clean(file.name)}, {file.size} bytes" for file in post.content.files]
    return [f"{post.id}  {post.author}{'  (edited)' if post.content.revision else ''}", *text, *files]


# Writing


@app.command()
def post(
    room_name: RoomArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    attach: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="may be repeated")] = None,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Post a text, with files if there are any. The server can read it."""

    async def act(server: RoomClient, known: KnownRoom) -> int:
        for file in attach or ():
            open_group_queries.check_file_name(file.name)
        return await server.post(known.link.room, text, [(file.name, file.read_bytes()) for file in attach or ()])

    number = run_in_room(account, network, room_name, act)
    typer.echo(f"posted {number}; the server can read it")


@app.command()
def edit(
    room_name: RoomArgument,
    message: MessageArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Give a post of this account another text. The server can read it."""
    run_in_room(account, network, room_name, lambda server, known: server.edit(find_post(known, message), text))
    typer.echo(f"edited {message}; the server can read it")


@app.command()
def download(
    room_name: RoomArgument,
    file_id: Annotated[int, typer.Argument(metavar="FILE", help="its number, as `read` shows it")],
    to: Annotated[Path | None, typer.Option(metavar="PATH", help="else its name, in this folder")] = None,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Fetch a file of a post, check that it is the one, and write it to a new file."""

    async def act(server: RoomClient, known: KnownRoom) -> tuple[Path, bytes]:
        files = [file for each in known.view.posts.values() for file in each.content.files if file.id == file_id]
        if not files:
            raise Unusable(f"no post has file {file_id}: `cloister room read {room_name}` first")
        return choose_path(files[0], to), await server.download(known.link.room, files[0])

    path, data = run_in_room(account, network, room_name, act)
    with explaining(), path.open("xb") as written:
        written.write(data)
    typer.echo(f"wrote {path}, {len(data)} bytes, as the post says")


def choose_path(file: RoomFile, to: Path | None) -> Path:
    """Choose where a file is written: what the user says, or its name, which a stranger chose.

    Raises:
        Refusal: the name is none of a file.
        Unusable: the name is one by which programs look for their settings.
    """
    if to is not None:
        return to
    open_group_queries.check_file_name(file.name)
    if file.name.startswith("."):
        raise Unusable(f"the post calls it {file.name}: where it goes is to be said with --to")
    return Path(file.name)


@app.command()
def delete(
    room_name: RoomArgument,
    message: MessageArgument,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Delete a post: one of this account, or, as a moderator, any."""
    run_in_room(account, network, room_name, lambda server, known: server.delete(known.link.room, message))
    typer.echo(f"deleted {message}")


@app.command()
def delete_all(
    room_name: RoomArgument, who: IdArgument, account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK
) -> None:
    """Delete all posts of an account."""
    run_in_room(account, network, room_name, lambda server, known: server.delete_all(known.link.room, who))
    typer.echo(f"deleted all posts of {who}")


# Moderating


@app.command()
def ban(
    room_name: RoomArgument,
    who: IdArgument,
    seconds: Annotated[int | None, typer.Option(min=1, help="else it does not end")] = None,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Ban an account from a room, as a moderator."""
    run_in_room(account, network, room_name, lambda server, known: server.ban(known.link.room, who, timeout_s=seconds))
    typer.echo(f"banned {who}" if seconds is None else f"banned {who} for {seconds} seconds")


@app.command()
def unban(
    room_name: RoomArgument, who: IdArgument, account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK
) -> None:
    """Lift a ban."""
    run_in_room(account, network, room_name, lambda server, known: server.unban(known.link.room, who))
    typer.echo(f"{who} is not banned any more")


@app.command()
def approve(
    room_name: RoomArgument,
    who: Annotated[list[str], typer.Argument(metavar="ID...", help="account ids")],
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Approve accounts for a whitelist: the server learns these ids. Each then needs the invitation too."""
    run_in_room(
        account,
        network,
        room_name,
        lambda server, known: server.approve(known.link.room, [identity.decode_account_id(each) for each in who]),
    )
    typer.echo(f"approved {len(who)}; `cloister room invite {room_name}` makes their link")


@app.command()
def disapprove(
    room_name: RoomArgument, who: IdArgument, account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK
) -> None:
    """Take an approval away."""
    run_in_room(
        account,
        network,
        room_name,
        lambda server, known: server.set_permissions(known.link.room, who, dict.fromkeys(FLAGS)),
    )
    typer.echo(f"{who} is not approved any more")


@app.command()
def invite(
    room_name: RoomArgument,
    seconds: Annotated[int | None, typer.Option(min=1, help="else it does not end")] = None,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Make the invitation of a room, which ends the one before, and print the link with it."""

    async def act(server: RoomClient, known: KnownRoom) -> str:
        invitation = await server.invite(known.link.room, timeout_s=seconds)
        return room.encode_link(replace(known.link, invitation=invitation))

    typer.echo(run_in_room(account, network, room_name, act))


@app.command()
def withdraw(room_name: RoomArgument, account: AccountOption = ACCOUNT, network: NetworkOption = NETWORK) -> None:
    """Withdraw the invitation of a room; who has joined stays."""
    run_in_room(account, network, room_name, lambda server, known: server.withdraw_invitation(known.link.room))
    typer.echo("the invitation is withdrawn")


@app.command()
def moderator(
    room_name: RoomArgument,
    who: IdArgument,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="make an administrator")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="take the rights away")] = False,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Make an account a moderator of a room, or take that away, as an administrator."""
    role = "admin" if admin else "moderator"

    run_in_room(
        account, network, room_name, lambda server, known: server.change_role(known.link.room, who, {role: not remove})
    )
    typer.echo(f"{who} is {'no' if remove else 'now'} {'administrator' if admin else 'moderator'}")


@app.command()
def change(
    room_name: RoomArgument,
    *,
    name: Annotated[str | None, typer.Option(help="another name")] = None,
    description: Annotated[str | None, typer.Option(help="another description")] = None,
    whitelist: Annotated[
        bool | None,
        typer.Option("--whitelist/--open", help="only who is approved and invited, or everybody", show_default=False),
    ] = None,
    account: AccountOption = ACCOUNT,
    network: NetworkOption = NETWORK,
) -> None:
    """Change a room, as an administrator."""
    changes: dict[str, object] = {}
    if name is not None:
        changes["name"] = name
    if description is not None:
        changes["description"] = description
    if whitelist is not None:
        changes |= WHITELIST_GROUP if whitelist else BLACKLIST_GROUP

    async def act(server: RoomClient, known: KnownRoom) -> None:
        if not changes:
            raise Unusable("give --name, --description, --whitelist or --open")
        await server.change_room(known.link.room, changes)

    run_in_room(account, network, room_name, act)
    typer.echo(f"changed {room_name}")
