"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ACCOUNT = sa.String(66)


def upgrade() -> None:
    """Make the tables of version 1."""
    op.create_table(
        "rooms",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("image", NUMBER),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("default_read", sa.Boolean, nullable=False),
        sa.Column("default_accessible", sa.Boolean, nullable=False),
        sa.Column("default_write", sa.Boolean, nullable=False),
        sa.Column("default_upload", sa.Boolean, nullable=False),
        sa.Column("invitation_required", sa.Boolean, nullable=False),
        sa.Column("invitation", sa.LargeBinary),
        sa.Column("invitation_until", sa.Double),
        sa.Column("message_sequence", NUMBER, nullable=False),
        sa.Column("info_updates", NUMBER, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "users",
        sa.Column("account", ACCOUNT, primary_key=True),
        sa.Column("shown_as", ACCOUNT),
        sa.Column("moderator", sa.Boolean, nullable=False),
        sa.Column("administrator", sa.Boolean, nullable=False),
        sa.Column("visible", sa.Boolean, nullable=False),
        sa.Column("banned", sa.Boolean, nullable=False),
        sa.Column("banned_until", sa.Double),
    )
    op.create_table(
        "standings",
        sa.Column("room", NUMBER, sa.ForeignKey("rooms.id"), primary_key=True),
        sa.Column("account", ACCOUNT, primary_key=True),
        sa.Column("moderator", sa.Boolean, nullable=False),
        sa.Column("administrator", sa.Boolean, nullable=False),
        sa.Column("visible", sa.Boolean, nullable=False),
        sa.Column("banned", sa.Boolean, nullable=False),
        sa.Column("banned_until", sa.Double),
        sa.Column("invited", sa.Boolean, nullable=False),
        sa.Column("read", sa.Boolean),
        sa.Column("accessible", sa.Boolean),
        sa.Column("write", sa.Boolean),
        sa.Column("upload", sa.Boolean),
        sa.Column("last_post", sa.Double),
    )
    op.create_index("standings_active", "standings", ["room", "last_post"])
    op.create_index("standings_account", "standings", ["account"])
    op.create_table(
        "messages",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("room", NUMBER, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("session_id", ACCOUNT, nullable=False),
        sa.Column("posted", sa.Double, nullable=False),
        sa.Column("edited", sa.Double),
        sa.Column("seqno", NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(32)),
        sa.Column("data", sa.LargeBinary),
        sa.Column("signature", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_index("messages_sequence", "messages", ["room", "seqno"], unique=True)
    op.create_index("messages_newest", "messages", ["room", "id"])
    op.create_index("messages_author", "messages", ["room", "account", "id"])
    op.create_index("messages_same", "messages", ["room", "account", "digest"])
    op.create_table(
        "post_times",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("room", NUMBER, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("post_times_account", "post_times", ["room", "account", "id"])
    op.create_index("post_times_made", "post_times", ["made"])
    op.create_table(
        "files",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("room", NUMBER, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("message", NUMBER, sa.ForeignKey("messages.id")),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("uploaded", sa.Double, nullable=False),
        sa.Column("stored_as", sa.String(32)),
        sqlite_autoincrement=True,
    )
    op.create_index("files_message", "files", ["message"])
    op.create_index("files_loose", "files", ["room", "account"])
    op.create_index("files_uploaded", "files", ["uploaded"])
    op.create_table(
        "nonces",
        sa.Column("account", ACCOUNT, primary_key=True),
        sa.Column("nonce", sa.LargeBinary(16), primary_key=True),
        sa.Column("timestamp", NUMBER, nullable=False),
    )
    op.create_index("nonces_timestamp", "nonces", ["timestamp"])
