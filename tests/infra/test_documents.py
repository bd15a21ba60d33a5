"""What is written about the settings is what they are."""

import re
from pathlib import Path

import pytest

from sitehub.settings import PROJECT_ROOT, Settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SITEHUB_{name.upper()}", raising=False)


def default_text(name: str) -> str:
    """The default as the documents write it: relative to the home, the project or the user's cache."""
    value = Settings(_env_file=None).shown()[name]  # type: ignore[call-arg]  # pydantic-settings' own argument
    for folder, word in ((str(Path.cwd() / ".sitehub"), ".sitehub"), (f"{PROJECT_ROOT}/", ""), (str(Path.home()), "~")):
        value = value.replace(folder, word)
    return value


def test_operations_lists_every_setting_with_its_default_and_meaning() -> None:
    """A setting that is added, renamed or changed must be written down."""
    text = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(SITEHUB_\w+)` \| `([^`]*)` \| (.*) \|$", text, re.MULTILINE)
    expected = [
        (f"SITEHUB_{name.upper()}", default_text(name), field.description)
        for name, field in Settings.model_fields.items()
    ]
    assert rows == expected


def test_example_environment_names_every_setting() -> None:
    """The file to copy offers each setting once, with its default."""
    lines = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    offered = dict(line.removeprefix("#").split("=", 1) for line in lines if line.startswith("#SITEHUB_"))
    assert offered == {f"SITEHUB_{name.upper()}": default_text(name) for name in Settings.model_fields}
