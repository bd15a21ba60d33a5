"""docs/add-a-province.md is right: its files load as they stand, the hub says of its uploads what the page shows."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.topics import topic_specs
from pipelines.catalog import Catalog, CatalogError
from sitehub.cli import app
from sitehub.settings import settings
from tests.conftest import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "add-a-province.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([\w/.-]+)`\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CHECKS = re.findall(r"^    sitehub check ([^\n]*)\n\n```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FAULT, TOLD = re.findall(r"^```\w+\n(.*?)^```", PAGE.split("## When it does not load")[1], re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the contract but no province, and the page's files in it; the hub works there."""
    shutil.copytree(PROJECT_ROOT / "avro_schemas", tmp_path / "avro_schemas", ignore=shutil.ignore_patterns("raw"))
    for place, content in FILES:
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SITEHUB_CATALOG_DIR", str(tmp_path / "avro_schemas"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_the_hub_says_what_the_page_shows(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command prints what stands below it: three kinds, of each a right upload and a wrong one."""
    assert [shlex.split(command)[4] for command, _ in CHECKS] == ["device", "dust-reading", "attendance"]
    for command, shown in CHECKS:
        with pytest.raises(SystemExit) as left:
            app(["check", *shlex.split(command)])
        assert left.value.code == 1
        assert plain(capsys.readouterr().out) == plain(shown), command
    assert not list(workplace.glob("*.py"))


def test_the_files_are_a_province(workplace: Path) -> None:
    """They are all there is of it; its topics follow, with one for the vendor that sends in other units."""
    catalog = Catalog.load(workplace / "avro_schemas")
    assert set(catalog.raw) == {("yunnan", kind) for kind in ("attendance", "device", "dust-reading")}
    topics = {spec.name for spec in topic_specs(catalog, 2, 30, "LogAppendTime", 38)}
    assert {"raw.yunnan.dust-reading.dianchi", "canonical.attendance", "quarantine.yunnan"} <= topics


def test_a_fault_is_told_as_the_page_shows(workplace: Path) -> None:
    """File, field and remedy, behind the folder."""
    file = workplace / "avro_schemas" / "raw" / "yunnan" / "device.yaml"
    file.write_text(FAULT, encoding="utf-8")
    with pytest.raises(CatalogError) as raised:
        Catalog.load(workplace / "avro_schemas")
    assert str(raised.value) == f"{workplace}/{TOLD.strip()}"


def plain(text: str) -> str:
    """Without the blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
