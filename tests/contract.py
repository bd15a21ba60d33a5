"""The project's own contract for tests: read once a process; a mapping is compiled when a test first asks for it."""

from typing import Final

from pipelines.catalog import Catalog

CATALOG: Final = Catalog.read()
