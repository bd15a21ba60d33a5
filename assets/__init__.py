"""From the lake to daily figures and reports, by day and province (Dagster 资产)."""
