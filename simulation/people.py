"""Invented people 虚构人员: numbers of the real form that belong to nobody.

A citizen number's region is prefecture 99 of its province, which GB/T 2260 does not have, its birthday in January 1900;
its check character is right. An account's check digit is wrong. Plates have the letters O and I, which GA 36 leaves
out. Telephone numbers begin with 1540000.
"""

from collections.abc import Mapping
from typing import Any

from stdnum import luhn
from stdnum.cn import ric

from simulation.spec import world

SURNAMES = "赵钱孙李周吴郑王冯陈"
DIGITS = "零一二三四五六七八九"
BORN_DAYS = 28


def crew(project: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The people of a project (a row of sites.projects), one for each entry of world.yaml's `crew`.

    Each has the entry's role, post and trade, and person (the name), citizen, phone, account, face, plate, team and
    team_name.
    """
    entries: list[dict[str, Any]] = world()["crew"]
    plate = world()["provinces"][project["province"]]["plate"]
    return [
        {"role": None, "post": None, "trade": None}
        | entry
        | _papers(project["serial"] * len(entries) + place, project["adcode"], plate)
        | {"team": f"BZ{project['serial']:04d}{1 + place % 2}", "team_name": f"示例班组{1 + place % 2}"}
        for place, entry in enumerate(entries)
    ]


def _papers(number: int, adcode: str, plate: str) -> dict[str, Any]:
    stem = f"{adcode[:2]}9900190001{1 + number % BORN_DAYS:02d}{number // BORN_DAYS % 1000:03d}"
    account = f"62199900{number:010d}"
    wrong = (int(luhn.calc_check_digit(account)) + 5) % 10
    return {
        "person": f"示例{SURNAMES[number % 10]}" + "".join(DIGITS[int(digit)] for digit in f"{number:05d}"),
        "citizen": stem + str(ric.calc_check_digit(f"{stem}0")),
        "phone": f"1540000{number % 10_000:04d}",
        "account": f"{account}{wrong}",
        "face": f"faces/{number:06d}.jpg",
        "plate": f"{plate}AOI{number % 1000:03d}",
    }
