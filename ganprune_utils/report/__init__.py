"""Pages of a report: templates written by a person, filled with tables and a few named values."""
