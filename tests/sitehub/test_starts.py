"""What a process does not load when it starts: each of these takes a tenth of a second to five, and there are many."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT_ROOT

FIGURES = {"dagster", "great_expectations", "xlsxwriter", "fontTools", "typst", "uharfbuzz"}


@pytest.mark.parametrize(
    ("modules", "unused"),
    [
        ("sitehub.cli", FIGURES | {"polars", "numpy", "pint", "sqlalchemy", "faust", "confluent_kafka", "deltalake"}),
        ("sitehub.commands.normalise, sitehub.settings, streams.normaliser", FIGURES | {"sqlalchemy", "deltalake"}),
        ("sitehub.commands.land, sitehub.settings, streams.landing, streams.sinks", FIGURES | {"pint", "faust"}),
        ("assets.definitions", {"great_expectations"}),
    ],
)
def test_a_start_loads_what_it_uses(modules: str, unused: set[str]) -> None:
    """The command line before it knows its command, a normaliser, the landing, Dagster's code."""
    listed = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert unused & set(listed.stdout.split()) == set()
