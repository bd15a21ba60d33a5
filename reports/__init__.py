"""The dust report of a province and day: one view model, rendered as HTML, XLSX, PDF and PNG."""
