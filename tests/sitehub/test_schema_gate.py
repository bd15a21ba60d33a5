"""The gate of schema changes bites: a git repository with an incompatible change, and the real registry."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.errors import StackError
from infra.registration import register_schemas
from pipelines.catalog import Catalog
from pipelines.compatibility import full_faults
from sitehub.commands.schemas import app
from sitehub.schema_history import check_history, check_registry
from sitehub.settings import settings
from tests.conftest import PROJECT_ROOT, Stack, of_dust

RAW = Path("raw/shanxi/dust-reading.avsc")
CANONICAL = Path("canonical/dust-reading.avsc")


def git(folder: Path, *arguments: str) -> None:
    """Run git there as a committer of its own."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The contract in a repository of its own, one commit old."""
    root = Path(shutil.copytree(PROJECT_ROOT / "avro_schemas", tmp_path / "repository" / "avro_schemas"))
    git(root.parent, "init", "--quiet")
    commit(root)
    return root


def commit(root: Path) -> None:
    """Commit everything as it is."""
    git(root.parent, "add", ".")
    git(root.parent, "commit", "--quiet", "-m", "a version")


def change(file: Path, name: str, **properties: Any) -> None:
    """Change properties of a field, or add the field."""
    schema = json.loads(file.read_text("utf-8"))
    entry = next((entry for entry in schema["fields"] if entry["name"] == name), None)
    if entry is None:
        entry = {"name": name, "zh": name, "doc": f"{name}."}
        schema["fields"].append(entry)
    entry.update(properties)
    file.write_text(json.dumps(schema, ensure_ascii=False), "utf-8")


def faults(root: Path) -> list[str]:
    """What the gate says about the tree."""
    findings, compared = check_history(Catalog.read(root))
    assert compared >= 17
    return [f"{finding.subject}: {finding.fault}" for finding in findings]


def test_an_unchanged_tree_and_a_new_optional_field_pass(root: Path) -> None:
    """Adding with a default is how a schema grows."""
    assert faults(root) == []
    change(root / RAW, "Rain", type=["null", "string"], default=None)
    change(root / CANONICAL, "rain", type=["null", "double"], default=None)
    assert faults(root) == []


def test_a_raw_field_that_becomes_required_is_stopped(root: Path) -> None:
    """What was uploaded without it could not be read any more."""
    change(root / RAW, "Rain", type="string")
    assert faults(root) == [
        "raw.shanxi.dust-reading-value: field Rain: is not in the writer's records and has no default"
    ]


def test_every_earlier_version_counts_not_only_the_last(root: Path) -> None:
    """A field that returns with another type breaks on the version before the last."""
    change(root / RAW, "Rain", type=["null", "string"], default=None)
    commit(root)
    schema = json.loads((root / RAW).read_text("utf-8"))
    schema["fields"].pop()
    (root / RAW).write_text(json.dumps(schema), "utf-8")
    commit(root)
    change(root / RAW, "Rain", type=["null", "double"], default=None)
    assert faults(root) == ["raw.shanxi.dust-reading-value: field Rain: no branch of the reader's union takes string"]


def test_a_changed_unit_or_type_of_a_canonical_field_is_stopped(root: Path) -> None:
    """Consumers of the canonical log must read old and new records, and mean the same by them."""
    change(root / CANONICAL, "sample_count", type=["null", "long"])
    found = faults(root)
    assert len(found) == 1
    assert "field sample_count: no branch" in found[0]
    assert found[0].endswith("(read by a consumer of the earlier version)")


@pytest.mark.parametrize(("key", "other"), [("discriminator", []), ("subject", "project_code"), ("register", True)])
def test_what_names_an_event_may_not_change(root: Path, key: str, other: object) -> None:
    """Another subject, discriminator or register mark would give known events other names."""
    schema = json.loads((root / CANONICAL).read_text("utf-8"))
    earlier = schema.get(key)
    assert full_faults({**schema, key: other}, schema) == [f"{key} changed from {earlier!r} to {other!r}"]


def test_a_shallow_clone_is_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where history was cut off, agreement with it is not claimed."""
    change(root / RAW, "Rain", type=["null", "string"], default=None)
    commit(root)
    cut = tmp_path / "cut"
    git(tmp_path, "clone", "--quiet", "--depth", "1", root.parent.as_uri(), str(cut))
    monkeypatch.setenv("SITEHUB_CATALOG_DIR", str(cut / "avro_schemas"))
    monkeypatch.setenv("SITEHUB_REGISTRY_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    try:
        app(["check"], result_action="return_value")
        assert "This clone is shallow" in capsys.readouterr().out
    finally:
        settings.cache_clear()


def test_a_removed_schema_is_stopped(root: Path) -> None:
    """Its topic may still hold records."""
    for suffix in (".avsc", ".yaml"):
        (root / RAW).with_suffix(suffix).unlink()
    git(root.parent, "add", ".")
    found, _ = check_history(Catalog.read(root))
    assert [finding.subject for finding in found] == [str(RAW)]


def test_the_command_exits_1_and_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear sentence per fault and the remedy; 0 when all is well."""
    monkeypatch.setenv("SITEHUB_CATALOG_DIR", str(root))
    monkeypatch.setenv("SITEHUB_REGISTRY_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    try:
        app(["check"], result_action="return_value")
        text = capsys.readouterr().out
        catalog = Catalog.read(root)
        subjects = len(catalog.raw) + len(catalog.canonical) + len(catalog.hub)
        assert f"{subjects} subjects compatible with {subjects} earlier versions in git." in text
        assert "The registry at http://127.0.0.1:1 does not answer: it was not asked." in text
        with pytest.raises(StackError, match="does not answer"):
            app(["check", "--against-registry", "http://127.0.0.1:1"], result_action="return_value")
        change(root / RAW, "DeviceId", type="long")
        with pytest.raises(SystemExit) as left:
            app(["check"])
        assert left.value.code == 1
        text = capsys.readouterr().out
        assert (
            "raw.shanxi.dust-reading-value: field DeviceId: string cannot be read as long, compared with commit" in text
        )
        assert "Add fields with a default" in text
    finally:
        settings.cache_clear()


def test_a_folder_without_history_is_told(tmp_path: Path) -> None:
    """An unpacked archive has no earlier versions to compare with."""
    root = Path(shutil.copytree(PROJECT_ROOT / "avro_schemas", tmp_path / "avro_schemas"))
    with pytest.raises(StackError, match="in a clone of the project"):
        check_history(Catalog.read(root))


def test_the_registry_is_asked_too(
    stack: Stack, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real registry is asked unbidden, agrees with the tree, and refuses a required raw field."""
    register_schemas(stack.registry_url, of_dust(Catalog.read(root)))
    monkeypatch.setenv("SITEHUB_CATALOG_DIR", str(root))
    monkeypatch.setenv("SITEHUB_REGISTRY_URL", stack.registry_url)
    settings.cache_clear()
    try:
        app(["check", "--json"], result_action="return_value")
        answer = json.loads(capsys.readouterr().out)
        assert (answer["registry"], answer["doubts"], answer["findings"]) == (stack.registry_url, [], [])
    finally:
        settings.cache_clear()
    change(root / RAW, "Rain", type="string")
    findings = check_registry(of_dust(Catalog.read(root)), stack.registry_url)
    assert [finding.subject for finding in findings] == ["raw.shanxi.dust-reading-value"]
    assert findings[0].fault


def test_a_registry_that_does_not_answer_is_told(root: Path) -> None:
    """One sentence and the remedy instead of a traceback."""
    with pytest.raises(StackError, match="does not answer"):
        check_registry(Catalog.read(root), "http://127.0.0.1:1")
