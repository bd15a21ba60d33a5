"""Rules of the dust report (扬尘日报规则), as pure functions over frames."""
