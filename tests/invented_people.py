"""What the simulation's people are called by (虚构人员), so that tests can look for it where it must not be."""

import re

PERSONAL_WORDS = {
    "citizen": r"\d{2}9900190001\d{5}[\dX]",
    "phone": r"(?<![\d.])1540000\d{4}(?!\d)",
    "account": r"62199900\d{11}",
    "plate": r"[贵川苏晋]AOI\d{3}",
    "person": r"示例[赵钱孙李周吴郑王冯陈][零一二三四五六七八九]{5}",
}
PERSONAL_WORD = re.compile("|".join(PERSONAL_WORDS.values()))
