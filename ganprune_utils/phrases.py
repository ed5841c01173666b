"""Numbers as the sentences of a page have them."""


def signed(value: float) -> str:
    """One decimal; where that would be none its first digit, and no "-0.0"."""
    short = f"{value:+.1f}"
    return short if float(short) else f"{value:+.1g}" if abs(value) >= 0.001 else "+0.0"


def interval(row) -> str:
    """Of `unet_statistics.difference`'s columns, in percent: "-1.2 [-2.0, -0.4]"."""
    return f"{signed(100 * row.difference)} [{signed(100 * row.low)}, {signed(100 * row.high)}]"


def percent(share: float) -> str:
    return f"{100 * share:.{1 if share < 0.1 or share > 0.95 else 0}f} %"
