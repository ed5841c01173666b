"""From the tidy tables in run folders to the numbers and tables of a page."""
