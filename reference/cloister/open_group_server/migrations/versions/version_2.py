"""Indexes of posts that stand, and of the staff of rooms: what was asked for looked at all tombstones, or all members."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

STANDS = sa.text("data IS NOT NULL")
STAFF = sa.text("moderator OR administrator")


def upgrade() -> None:
    """Change the indexes of version 1."""
    op.drop_index("messages_newest", "messages")
    op.drop_index("messages_author", "messages")
    for name, columns in (("messages_standing", ["room", "id"]), ("messages_posted", ["room", "account", "posted"])):
        op.create_index(name, "messages", columns, sqlite_where=STANDS, postgresql_where=STANDS)
    op.create_index("standings_staff", "standings", ["room", "account"], sqlite_where=STAFF, postgresql_where=STAFF)
