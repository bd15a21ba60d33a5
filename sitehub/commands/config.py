"""`sitehub config`: the settings as this process sees them (设置)."""

import json
import sys

from cyclopts import App
from rich.table import Table

from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.settings import Settings, settings

app = App(name="config", help="Show the settings.")


@app.command
def show(*, as_json: AsJson = False) -> None:
    """Every setting, its variable and its value; passwords are masked."""
    values = settings().shown()
    if as_json:
        json.dump(values, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return
    table = Table("variable", "value", "meaning", box=None, pad_edge=False)
    table.columns[1].overflow = "fold"
    for name, field in Settings.model_fields.items():
        table.add_row(f"SITEHUB_{name.upper()}", values[name], field.description or "")
    screen().print(table)


@app.command
def get(name: str) -> None:
    """One setting's value, for scripts; passwords are masked.

    Parameters
    ----------
    name
        The setting as `config show --json` names it.
    """
    values = settings().shown()
    if name not in values:
        raise SystemExit(f"{name!r} is no setting; choose one of {', '.join(values)}")
    sys.stdout.write(f"{values[name]}\n")
