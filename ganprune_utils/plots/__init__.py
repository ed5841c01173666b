"""Figures: a dataframe or images in, a matplotlib Figure out; nothing is computed here."""
