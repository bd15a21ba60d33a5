"""A Delta table held open (打开的湖表), for whoever writes or watches it for weeks."""

from __future__ import annotations

from typing import Final

from deltalake import DeltaTable

RENEWED: Final = 100
"""Versions after which it is opened anew.

deltalake 1.6.6 keeps what every version adds apart and goes through all of it at the next one: after 1,500 versions an
append took ten times as long as after 100, and 150 MiB more (docs/decisions/0043).
"""


class OpenTable:
    """A table as of the version where its holder stands, which only its own commits and `advance` move on.

    `stands`: the transactions that its holder knows of, by app id: the table cannot tell them once its log was cleaned.
    """

    def __init__(self, table: DeltaTable) -> None:
        self.table = table
        self.stands: dict[str, int | None] = {}
        self._renewed_at = table.version()

    def advance(self) -> None:
        """Go on to the newest version."""
        self.table.update_incremental()
        self.renew()

    def renew(self) -> None:
        """Open it anew when it is due, at the very version where it stands: what others have committed since is still
        unknown, and a commit that it contradicts is refused."""
        if self.table.version() - self._renewed_at >= RENEWED:
            self.table = DeltaTable(self.table.table_uri, version=self.table.version())
            self._renewed_at = self.table.version()
