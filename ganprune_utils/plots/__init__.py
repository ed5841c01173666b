"""Figures: a dataframe or images in, a matplotlib Figure out; nothing is computed here."""

from importlib import resources

import matplotlib.pyplot as plt

plt.style.use(str(resources.files(__name__) / "study.mplstyle"))
