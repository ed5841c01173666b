"""Numbers as a table or a sentence shows them."""

import pandas as pd

# What a metric or a cost is called in tables and figures.
LABELS = {
    "uqi": "UQI",
    "uqi_no_flat": "UQI without flat windows",
    "uqi_sewar": "UQI as in sewar",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "frechet": "Fréchet distance",
    "kid": "kernel distance (KID)",
    "score": "classifier score",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "entropy": "class entropy (nats)",
    "classes": "classes covered",
    "rank_correlation": "rank correlation with the dense one",
    "share_real": "share classified as real",
    "macs": "multiply-accumulates",
    "parameters": "parameters",
}

# What the tables' own names are called where people read them.
DATASETS = {"cifar10": "CIFAR-10", "fashion_mnist": "Fashion-MNIST"}
METHODS = {"percentage": "one global threshold", "percentage (layer)": "equal share of each layer", "lamp": "LAMP"}


def titled(text: str) -> str:
    """A method, or a text that names a data set, as readers know it: "CIFAR-10: blurred" for "cifar10: blurred"."""
    for name, title in DATASETS.items():
        text = text.replace(name, title)
    return METHODS.get(text, text)


def mean_std(mean: float, std: float, digits: int = 3) -> str:
    """ "0.863 ± 0.004"; the mean alone where there is one value."""
    return f"{mean:.{digits}f}" if pd.isna(std) else f"{mean:.{digits}f} ± {std:.{digits}f}"


def percent(share: float) -> str:
    """A share as percent: "45 %", with a decimal where it is near 0 or 100."""
    return f"{100 * share:.{1 if share < 0.1 or share > 0.95 else 0}f} %"


def signed(value: float) -> str:
    """One decimal; where that would be none its first digit, and no "-0.0"."""
    short = f"{value:+.1f}"
    return short if float(short) else f"{value:+.1g}" if abs(value) >= 0.001 else "+0.0"


def interval(row) -> str:
    """Of the columns difference, low and high (shares), in percent: "-1.2 [-2.0, -0.4]"; "-1.2" where low is NaN."""
    low, high = (signed(100 * value) for value in (row.low, row.high))
    return signed(100 * row.difference) + (f" [{low}, {high}]" if row.low == row.low else "")


def markdown(table: pd.DataFrame) -> str:
    """A table in GitHub's Markdown; an index that has names becomes columns, column levels are joined by a space,
    numbers have four significant digits, what is missing is blank."""
    flat = table.reset_index() if table.index.names != [None] else table.copy()
    names = (column if isinstance(column, tuple) else (column,) for column in flat.columns)
    flat.columns = [" ".join(map(str, name)).strip() for name in names]
    text = flat.map(lambda value: f"{value:.4g}".replace("nan", "") if isinstance(value, float) else str(value))
    lines = [list(text.columns), ["---"] * text.shape[1], *text.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
