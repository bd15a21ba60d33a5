"""Alembic's entry: where the tables are described and which database is migrated."""

from alembic import context

from store.gold import engine
from store.tables import UtcTime, metadata


def plain_type(kind, item, _context):
    """Write our own column type as what the database sees, so that an old migration needs no code of today."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcTime) else False


made = context.config.attributes.get("engine") or engine(context.get_x_argument(as_dictionary=True)["url"])

with made.connect() as connection:
    # SQLite cannot alter most things in place: batch mode copies the table instead.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, render_item=plain_type)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
