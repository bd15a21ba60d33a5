"""`sitehub simulate`: makes simulated uploads with the truth beside them, and sends them if asked (模拟)."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sitehub.refusal import refuse
from sitehub.settings import Settings, settings

if TYPE_CHECKING:
    from simulation.spec import Spec


def simulate(
    *,
    into: Path | None = None,
    send: bool = False,
    last_day: date | None = None,
    days: int = 2,
    devices: int = 72,
    seed: int = 20260301,
    province: list[str] | None = None,
    faults: bool = True,
) -> None:
    """Make days of uploads of invented sites in their provinces' dialects.

    Parameters
    ----------
    into
        Folder for uploads.parquet and truth.parquet.
    send
        Send the uploads to Kafka, each with its simulated time of receipt.
    last_day
        Last simulated local day, YYYY-MM-DD; yesterday when left out.
    days
        Number of days.
    devices
        Registered devices over all provinces.
    seed
        The same seed gives the same uploads.
    province
        Only these provinces; repeat the option for several.
    faults
        Mix in late, doubled, damaged … uploads.
    """
    if into is None and not send:
        refuse("give --into FOLDER, --send, or both")
    # numpy and polars take a moment: only after the arguments are known to be right
    from simulation.spec import LOCAL, Spec

    chosen = settings()
    yesterday = datetime.now(LOCAL).date() - timedelta(days=1)
    feeds: dict[str, Any] = {"provinces": tuple(province)} if province else {}
    try:
        spec = Spec(last_day or yesterday, days, devices, seed, faults=faults, **feeds)
    except ValueError as error:
        refuse(str(error))
    _make(spec, chosen, into, send)


def _make(spec: "Spec", chosen: Settings, into: Path | None, send: bool) -> None:
    from pipelines.catalog import Catalog
    from simulation.send import send as deliver
    from simulation.simulate import simulate as make
    from sitehub.person_key import person_key
    from sitehub.simulated import prepare

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    catalog = Catalog.read(chosen.catalog_dir, person_key=person_key(chosen.person_key_file))
    simulation = make(spec, catalog, prepare(spec, chosen, catalog, topics=send))
    rejected = simulation.truth.filter(expected="rejected").height
    console.print(f"{simulation.uploads.height} uploads made, {rejected} of them to be rejected")
    if into is not None:
        simulation.write(into)
        console.print(f"written to {into}")
    if send:
        deliver(simulation.uploads, chosen.bootstrap_servers)
        console.print(f"sent to {chosen.bootstrap_servers}")
