"""The commands `cloister serve open-group` and `cloister open-group`: for who runs an open-group server.

Those of the second kind work on the database and the files of a server, whether it runs or not. Each does one thing,
all of it or nothing, and tells in a line what has come of it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import segno
import typer
from cloister import room
from cloister.open_group_bodies import MAX_SECONDS
from cloister.open_group_rights import BLACKLIST_GROUP, WHITELIST_GROUP, RoomSettings, Standing
from cloister.room import RoomLink

from cloister_conformance.room_commands import USAGE, clean, fail

if TYPE_CHECKING:  # the other commands need no database
    from cloister.open_group_server.operation import Operator
    from cloister.open_group_server.server_file import ServerFile
    from sqlalchemy import Connection

COULD_NOT_RUN = 3
HOUR_S = 3600
FOLDER = Path("open-group")

app = typer.Typer(
    help="Run an open-group server: rooms, roles, approvals, invitations and bans, while it runs or not.",
    no_args_is_help=True,
)
Result = TypeVar("Result")
FolderArgument = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="of the server, as `cloister serve open-group` made it, or its server file"),
]
TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="of the room")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="of an account: 66 digits, as others show it")]
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID...", help="of accounts: 66 digits, as others show them")]
RoomOption = Annotated[list[str] | None, typer.Option("--room", metavar="TOKEN", help="where; may be repeated")]
GlobalOption = Annotated[bool, typer.Option("--global", help="on the whole server")]
HoursOption = Annotated[float | None, typer.Option(metavar="N", help="else it does not end")]
NameOption = Annotated[str | None, typer.Option(help="what people see")]
DescriptionOption = Annotated[str | None, typer.Option(help="a few sentences")]
QrOption = Annotated[bool, typer.Option("--qr", help="a QR code too")]


# Serving


def serve(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="a server file, see chapter 11", show_default=False)
    ] = None,
    *,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help=f"the server's folder, else {FOLDER}; made if need be")
    ] = None,
    host: Annotated[str | None, typer.Option(help="address to listen at; at first 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="at first 22080")] = None,
    operator: Annotated[
        str | None, typer.Option(metavar="ACCOUNT_ID", help="who has all rights; else an account is made")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="BASE", help="where others reach it, such as https://example.org")
    ] = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help="of PostgreSQL; else a file in DIR")] = None,
) -> None:
    """Run an open-group server until Ctrl-C. The first start makes its folder, with a room, and later ones go on with it."""
    from cloister.open_group_server import server  # noqa: PLC0415 - the other commands need no web server
    from cloister.open_group_server.folder import Choices  # noqa: PLC0415

    if file and folder:
        fail("give a server file or --dir, not both", USAGE)
    choices = Choices(host=host, port=port, operator=operator, url=url, database=database)
    path = prepare(file, folder or FOLDER, choices)
    raise typer.Exit(server.serve(path, tell_links))


def prepare(file: Path | None, folder: Path, choices: Any) -> Path:  # noqa: ANN401 - Choices
    """Find the server file to serve by, or make it with its folder; return its path."""
    from cloister.open_group_server import folder as folders  # noqa: PLC0415
    from cloister.open_group_server import server_file  # noqa: PLC0415
    from cloister.open_group_server.database import NewerDatabase, UnusableDatabase  # noqa: PLC0415
    from cloister.open_group_server.operation import SERVER_FILE  # noqa: PLC0415
    from cloister.serving.process import AddressInUse  # noqa: PLC0415
    from cloister.serving.server_file import UnusableFile  # noqa: PLC0415

    path = file or folder / SERVER_FILE
    try:
        if file or path.exists():
            folders.check_choices(path, server_file.read(path), choices)
            return path
        made = folders.make(folder, choices)
    except (UnusableFile, NewerDatabase, folders.Contradiction, OSError) as error:
        fail(str(error), USAGE)
    except (AddressInUse, UnusableDatabase) as error:
        fail(str(error), COULD_NOT_RUN)
    typer.echo(f"made {path}: its seed is the server; keep a copy where you keep keys")
    if choices.operator is None:
        typer.echo(f"the operator is {made.operator}; its seed is in {folder / folders.OPERATOR_FILE}")
    return path


def tell_links(connection: "Connection", file: "ServerFile") -> None:
    """Tell where the rooms of a server are that is about to serve, and how it is stopped."""
    from cloister.open_group_server.operation import Operator  # noqa: PLC0415
    from cloister.serving.server_file import UnusableFile  # noqa: PLC0415

    one = Operator(connection=connection, file=file, now_s=0, removed=[])
    try:
        links = [one.build_link(found) for found in one.list_rooms()]
    except UnusableFile as error:
        typer.echo(f"no links: {error}")
        links = []
    for link in links:
        typer.echo(f"{link.room}  {room.encode_link(link)}")
    if links:
        print_qr(links[0])
    typer.echo(f"serving at {file.host} port {file.port}; Ctrl-C stops it. It can read all that is posted.")


def print_qr(link: RoomLink) -> None:
    """Print a link as a QR code."""
    from io import StringIO  # noqa: PLC0415

    drawn = StringIO()
    segno.make(room.encode_link(link), error="l").terminal(drawn, border=2, compact=True)
    typer.echo(drawn.getvalue())


# Operating


def run(path: Path, act: "Callable[[Operator], Result]") -> Result:
    """Do something on the database of a server."""
    from cloister.open_group_server import operation  # noqa: PLC0415

    try:
        return operation.operate(path, act)
    except (operation.CannotOperate, OSError) as error:
        fail(str(error), USAGE)


def find_scope(rooms: list[str] | None, *, on_server: bool) -> list[str] | None:
    """Find the rooms that were named, None for the whole server."""
    if bool(rooms) == on_server:
        fail("give --room TOKEN, once or more often, or --global", USAGE)
    return rooms or None


def name_scope(tokens: Sequence[str] | None) -> str:
    """Name rooms, or the whole server."""
    return "the whole server" if tokens is None else ", ".join(tokens)


def count_seconds(hours: float | None) -> int | None:
    """Count the seconds of hours."""
    if hours is None:
        return None
    if not 1 <= hours * HOUR_S <= MAX_SECONDS:
        fail(f"--hours is from a second to {MAX_SECONDS // HOUR_S} hours", USAGE)
    return round(hours * HOUR_S)


def collect_changes(name: str | None, description: str | None, *, whitelist: bool | None) -> dict[str, object]:
    """Collect what is to change of a room."""
    changes: dict[str, object] = {}
    if name is not None:
        changes["name"] = name
    if description is not None:
        changes["description"] = description
    if whitelist is not None:
        changes |= WHITELIST_GROUP if whitelist else BLACKLIST_GROUP
    return changes


def tell_link(link: RoomLink, *, qr: bool) -> None:
    """Print a link, and its QR code if it is wanted."""
    typer.echo(room.encode_link(link))
    if qr:
        print_qr(link)


# Rooms


@app.command()
def create_room(
    folder: FolderArgument,
    token: TokenArgument,
    *,
    name: Annotated[str, typer.Option(help="what people see")],
    description: DescriptionOption = None,
    whitelist: Annotated[bool, typer.Option("--whitelist", help="only for who is approved and invited")] = False,
) -> None:
    """Make a room, and print its link."""
    changes = collect_changes(name, description, whitelist=whitelist)
    link = run(folder, lambda one: one.build_link(one.create_room(token, changes)))
    typer.echo(room.encode_link(link))
    if whitelist:
        typer.echo(
            f"now: cloister open-group approve {folder} {token} ID...; cloister open-group invite {folder} {token}"
        )


@app.command()
def set_room(
    folder: FolderArgument,
    token: TokenArgument,
    *,
    name: NameOption = None,
    description: DescriptionOption = None,
    whitelist: Annotated[
        bool | None,
        typer.Option("--whitelist/--open", help="only for who is approved and invited, or for all", show_default=False),
    ] = None,
) -> None:
    """Change a room."""
    changes = collect_changes(name, description, whitelist=whitelist)
    if not changes:
        fail("give --name, --description, --whitelist or --open", USAGE)
    run(folder, lambda one: one.change_room(token, changes))
    typer.echo(f"changed {token}")


@app.command()
def delete_room(
    folder: FolderArgument,
    token: TokenArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Delete a room with all its posts and files. Do not use its token again: who was in it would miss posts."""
    found = run(folder, lambda one: one.find_room(token))
    if not yes and not confirms(f"delete {token}, {clean(found.name)}, with all that is in it?"):
        fail("nothing is deleted: say y, or give --yes", USAGE)
    run(folder, lambda one: one.delete_room(token))
    typer.echo(f"deleted {token}")


def confirms(question: str) -> bool:
    """Ask a question; nobody there says no."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False


@app.command(name="list")
def list_rooms(folder: FolderArgument) -> None:
    """List the rooms: token, name, who enters, how many posted this week, how many changes there were."""

    def act(one: "Operator") -> list[str]:
        return [
            f"{found.token}  {clean(found.name)}  {describe_access(found.settings)}"
            f"  {one.count_active(found)} active  {found.message_sequence} changes"
            for found in one.list_rooms()
        ]

    for line in run(folder, act) or ["there is no room"]:
        typer.echo(line)


def describe_access(settings: RoomSettings) -> str:
    """Describe who enters a room."""
    if settings.invitation_required:
        return "by approval and invitation" if not settings.default_read else "by invitation"
    return "everybody" if settings.default_read else "by approval"


@app.command()
def link(
    folder: FolderArgument,
    token: TokenArgument,
    *,
    qr: QrOption = False,
    invitation: Annotated[bool, typer.Option("--invitation", help="with the invitation that there is")] = False,
) -> None:
    """Print the link to a room."""

    def act(one: "Operator") -> RoomLink:
        return one.build_link(one.find_room(token), one.find_invitation(token) if invitation else None)

    tell_link(run(folder, act), qr=qr)


@app.command()
def invite(folder: FolderArgument, token: TokenArgument, *, hours: HoursOption = None, qr: QrOption = False) -> None:
    """Make the invitation of a room, which ends the one before, and print the link with it."""
    seconds = count_seconds(hours)
    tell_link(run(folder, lambda one: one.build_link(one.find_room(token), one.invite(token, seconds))), qr=qr)


@app.command()
def withdraw(folder: FolderArgument, token: TokenArgument) -> None:
    """Withdraw the invitation of a room; who has joined stays."""
    run(folder, lambda one: one.withdraw(token))
    typer.echo(f"the invitation of {token} is withdrawn")


# People


@app.command()
def people(
    folder: FolderArgument,
    token: Annotated[str | None, typer.Option("--room", metavar="TOKEN", help="else on the whole server")] = None,
) -> None:
    """List who has a role, a ban, an approval or has joined, by account id."""

    def act(one: "Operator") -> list[str]:
        listed = [
            f"{each.account}  {', '.join(describe_standing(each.standing, one.now_s))}"
            for each in one.list_people(token)
        ]
        return listed if token else [f"{one.file.operator}  operator", *listed]

    for line in run(folder, act) or ["there is nobody"]:
        typer.echo(line)


def describe_standing(standing: Standing, now_s: float) -> Iterator[str]:
    """Describe what an account is."""
    if standing.administrator or standing.moderator:
        hidden = "" if standing.visible else "hidden "
        yield f"{hidden}{'administrator' if standing.administrator else 'moderator'}"
    if standing.banned and (standing.banned_until_s is None or standing.banned_until_s > now_s):
        until = standing.banned_until_s
        yield "banned" if until is None else f"banned until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"
    flags = standing.flags
    for name in ("read", "accessible", "write", "upload"):
        value = getattr(flags, name)
        if value is not None:
            yield name if value else f"no {name}"
    if standing.invited:
        yield "joined"


def change_role(folder: Path, who: str, change: str, rooms: list[str] | None, *, on_server: bool, said: str) -> None:
    """Change the role of an account, to one that `operation` names."""
    from cloister.open_group_server import operation  # noqa: PLC0415

    tokens = find_scope(rooms, on_server=on_server)
    run(folder, lambda one: one.change_role(who, getattr(operation, change), tokens))
    typer.echo(f"{who} is {said} of {name_scope(tokens)}")


@app.command()
def add_admin(
    folder: FolderArgument, who: IdArgument, rooms: RoomOption = None, *, on_server: GlobalOption = False
) -> None:
    """Make an account an administrator, of rooms or of the server; that ends a ban there."""
    change_role(folder, who, "ADMINISTRATOR", rooms, on_server=on_server, said="now administrator")


@app.command()
def remove_admin(
    folder: FolderArgument, who: IdArgument, rooms: RoomOption = None, *, on_server: GlobalOption = False
) -> None:
    """Make an administrator a moderator."""
    change_role(folder, who, "NO_ADMINISTRATOR", rooms, on_server=on_server, said="no administrator any more")


@app.command()
def add_moderator(
    folder: FolderArgument, who: IdArgument, rooms: RoomOption = None, *, on_server: GlobalOption = False
) -> None:
    """Make an account a moderator, of rooms or of the server; that ends a ban there."""
    change_role(folder, who, "MODERATOR", rooms, on_server=on_server, said="now moderator")


@app.command()
def remove_moderator(
    folder: FolderArgument, who: IdArgument, rooms: RoomOption = None, *, on_server: GlobalOption = False
) -> None:
    """Take the rights of a moderator or administrator away."""
    change_role(folder, who, "NO_MODERATOR", rooms, on_server=on_server, said="neither moderator nor administrator")


@app.command()
def approve(folder: FolderArgument, token: TokenArgument, who: IdsArgument) -> None:
    """Approve accounts in a room. A whitelist wants the invitation too."""
    run(folder, lambda one: one.approve(token, who))
    typer.echo(f"approved {len(who)} in {token}; `cloister open-group invite {folder} {token}` makes their link")


@app.command()
def disapprove(folder: FolderArgument, token: TokenArgument, who: IdsArgument) -> None:
    """Take approvals away: what counts then is what the room is by default."""
    run(folder, lambda one: one.approve(token, who, approved=False))
    typer.echo(f"{len(who)} not approved any more in {token}")


@app.command()
def ban(
    folder: FolderArgument,
    who: IdArgument,
    rooms: RoomOption = None,
    *,
    on_server: GlobalOption = False,
    hours: HoursOption = None,
) -> None:
    """Ban an account. Its posts stay."""
    tokens, seconds = find_scope(rooms, on_server=on_server), count_seconds(hours)
    run(folder, lambda one: one.ban(who, tokens, seconds))
    typer.echo(f"banned {who} from {name_scope(tokens)}{'' if hours is None else f' for {hours:g} hours'}")


@app.command()
def unban(
    folder: FolderArgument, who: IdArgument, rooms: RoomOption = None, *, on_server: GlobalOption = False
) -> None:
    """Lift a ban. One of a room and one of the server are two."""
    tokens = find_scope(rooms, on_server=on_server)
    run(folder, lambda one: one.unban(who, tokens))
    typer.echo(f"{who} is not banned any more from {name_scope(tokens)}")
