"""What is said to polars' allocator reaches it: whoever computes days loads the assets first."""

import os
import subprocess
import sys

import pytest

from assets import ALLOCATOR, KEEPS_FREED_MEMORY


@pytest.mark.parametrize(
    ("loads", "inherited"),
    [
        pytest.param("import assets.definitions", "dirty_decay_ms:500,muzzy_decay_ms:1000", id="Dagster, from polars"),
        pytest.param("import sitehub.commands.materialise; import assets.runs", "", id="the command, from a shell"),
    ],
)
def test_freed_memory_is_kept_for_ten_seconds(loads: str, inherited: str) -> None:
    """polars, when it is loaded, puts its own before what it finds; of two the allocator takes the last."""
    told = f"{loads}; import os; print(os.environ['{ALLOCATOR}'])"
    environment = os.environ | {ALLOCATOR: inherited}
    done = subprocess.run(
        [sys.executable, "-c", told], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().endswith(KEEPS_FREED_MEMORY)
    assert done.stdout.strip() != KEEPS_FREED_MEMORY
