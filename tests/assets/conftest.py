"""A small true lake, written the way landing writes it, and a Dagster instance of its own."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.hub import Hub
from assets.runs import instance_at
from tests.assets.world import Landing, hub_at


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """An empty lake and an empty gold database."""
    return hub_at(tmp_path)


@pytest.fixture
def landing(hub: Hub) -> Landing:
    """Writes into that lake."""
    return Landing(hub)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance configured by the project's own dagster.yaml."""
    with instance_at(tmp_path / "dagster") as made:
        yield made
