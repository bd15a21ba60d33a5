"""How each province's vendors spell what happened 各省方言: one module a province, one function a kind.

Each function takes a frame of simulation.model and gives the raw fields it fills, named and typed as in the province's
raw schema. Written from the interface's side and without the mappings, so that simulation and mapping check each other.
"""

from collections.abc import Callable

import polars as pl

from simulation.dialects import guizhou, jiangsu, national, shanxi, sichuan

Dialect = Callable[[pl.DataFrame], pl.DataFrame]

DIALECTS: dict[tuple[str, str], Dialect] = {
    ("national", "station-reading"): national.station_reading,
    **{
        (name, kind): speak
        for name, module in (("guizhou", guizhou), ("sichuan", sichuan), ("jiangsu", jiangsu), ("shanxi", shanxi))
        for kind, speak in (
            ("project", module.project),
            ("device", module.device),
            ("dust-reading", module.dust_reading),
        )
    },
}
