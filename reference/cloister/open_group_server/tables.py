"""What an open-group server keeps, as tables of SQLite or PostgreSQL.

- Rights, bans and invitations belong to accounts (66 hex digits), whatever the form of an id.
- Ids of messages and files are never used again, not even those of rows that are gone.
- Times are seconds since 1970, with fractions.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

METADATA = MetaData()

Number = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on both; SQLite counts a column up by itself only if it is called INTEGER."""
Account = String(66)
STANDS = text("data IS NOT NULL")
STAFF = text("moderator OR administrator")

rooms = Table(
    "rooms",
    METADATA,
    Column("id", Number, primary_key=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("image", Number),
    Column("created", Double, nullable=False),
    Column("default_read", Boolean, nullable=False),
    Column("default_accessible", Boolean, nullable=False),
    Column("default_write", Boolean, nullable=False),
    Column("default_upload", Boolean, nullable=False),
    Column("invitation_required", Boolean, nullable=False),
    Column("invitation", LargeBinary),
    Column("invitation_until", Double),
    Column("message_sequence", Number, nullable=False),
    Column("info_updates", Number, nullable=False),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    METADATA,
    Column("account", Account, primary_key=True),
    Column("shown_as", Account),
    Column("moderator", Boolean, nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("visible", Boolean, nullable=False),
    Column("banned", Boolean, nullable=False),
    Column("banned_until", Double),
)

standings = Table(
    "standings",
    METADATA,
    Column("room", Number, ForeignKey("rooms.id"), primary_key=True),
    Column("account", Account, primary_key=True),
    Column("moderator", Boolean, nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("visible", Boolean, nullable=False),
    Column("banned", Boolean, nullable=False),
    Column("banned_until", Double),
    Column("invited", Boolean, nullable=False),
    Column("read", Boolean),
    Column("accessible", Boolean),
    Column("write", Boolean),
    Column("upload", Boolean),
    Column("last_post", Double),
    Index("standings_active", "room", "last_post"),
    Index("standings_account", "account"),
    Index("standings_staff", "room", "account", sqlite_where=STAFF, postgresql_where=STAFF),
)

messages = Table(
    "messages",
    METADATA,
    Column("id", Number, primary_key=True),
    Column("room", Number, ForeignKey("rooms.id"), nullable=False),
    Column("account", Account, nullable=False),
    Column("session_id", Account, nullable=False),
    Column("posted", Double, nullable=False),
    Column("edited", Double),
    Column("seqno", Number, nullable=False),
    Column("digest", LargeBinary(32)),
    Column("data", LargeBinary),
    Column("signature", LargeBinary),
    Index("messages_sequence", "room", "seqno", unique=True),
    Index("messages_standing", "room", "id", sqlite_where=STANDS, postgresql_where=STANDS),
    Index("messages_posted", "room", "account", "posted", sqlite_where=STANDS, postgresql_where=STANDS),
    Index("messages_same", "room", "account", "digest"),
    sqlite_autoincrement=True,
)
"""A tombstone has no data, no digest of it, and no signature. Its author stays here, and is not given.

The newest posts, and the last of an account, are found without looking at tombstones, however many there are.
"""

post_times = Table(
    "post_times",
    METADATA,
    Column("id", Number, primary_key=True),
    Column("room", Number, ForeignKey("rooms.id"), nullable=False),
    Column("account", Account, nullable=False),
    Column("made", Double, nullable=False),
    Index("post_times_account", "room", "account", "id"),
    Index("post_times_made", "made"),
    sqlite_autoincrement=True,
)
"""Posts and edits of the last seconds, for their bound."""

files = Table(
    "files",
    METADATA,
    Column("id", Number, primary_key=True),
    Column("room", Number, ForeignKey("rooms.id"), nullable=False),
    Column("account", Account, nullable=False),
    Column("message", Number, ForeignKey("messages.id")),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", Number, nullable=False),
    Column("uploaded", Double, nullable=False),
    Column("stored_as", String(32)),
    Index("files_message", "message"),
    Index("files_loose", "room", "account"),
    Index("files_uploaded", "uploaded"),
    sqlite_autoincrement=True,
)
"""`place` is that in the list of its post; `stored_as` its random name on disk, none when its time is over."""

nonces = Table(
    "nonces",
    METADATA,
    Column("account", Account, primary_key=True),
    Column("nonce", LargeBinary(16), primary_key=True),
    Column("timestamp", Number, nullable=False),
    Index("nonces_timestamp", "timestamp"),
)
