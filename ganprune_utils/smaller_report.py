"""What the page on smaller generators shows beside the one table; its prose is notebooks/smaller.md.j2."""

from pathlib import Path

import jinja2
import pandas as pd

from ganprune_utils.artifacts import project_root, write_atomic
from ganprune_utils.smaller import TOLERANCE
from ganprune_utils.tables import markdown, quality_count

FOLDERS = ("notebooks", "tables")
ALARMS = {"classes": "classes covered", "coverage": "coverage ", "D wins": "discriminator wins"}


def saving(cost: pd.DataFrame, latency: pd.DataFrame) -> pd.DataFrame:
    """Dense over each network of notebook 11: parameters that are not zero, MACs, time a runner, memory, bytes."""
    columns = {"nonzeros": "weights that are not zero", "MACs": "multiplications"}
    columns |= {"memory": "memory", "zipped": "bytes, zipped", "sparse": "bytes, sparse"}
    found = {}
    for dataset, own in cost.groupby("dataset", sort=False):
        own = own.set_index("network")
        fewer = (own.loc["dense", list(columns)] / own[list(columns)]).rename(columns=columns)
        timed = latency[latency.dataset == dataset]
        for (runner, threads, batch), rows in timed.groupby(["runner", "threads", "batch"], sort=False):
            setting = "" if threads == 1 else f", {threads} threads"
            fewer[f"time, {runner}{setting}" + (", batch 1" if batch == 1 else "")] = rows.set_index("network").ratio
        found[dataset] = fewer
    return pd.concat(found, names=["dataset"]).astype(float).round(2)


def energy(measured: pd.DataFrame) -> str:
    """Joules for 1,000 images as a table, or that there was no counter; `measured` of notebook 11, may be empty."""
    if not len(measured):
        return ""
    if measured.joules_per_1000.isna().all():
        return "There was no energy counter on the machine."
    return "Joules for 1,000 images:\n\n" + markdown(measured.drop(columns="seed").round(3))


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Dense over pruned at the compressions aimed at: multiplications, time, packed bytes, of the first seed.

    `rows` are of `smaller.cells` with `packed` and the columns "ms, batch 1" and "ms, batch 64".
    """
    rows = rows[(rows.training == "none") & rows.criterion.isin(["none", "magnitude"])]
    rows = rows[rows.seed == rows.groupby("dataset").seed.transform("min")].set_index(["dataset", "kind", "aimed_at"])
    names = {
        "macs": "multiplications",
        "packed": "bytes",
        "ms, batch 64": "time, batch 64",
        "ms, batch 1": "time, batch 1",
    }
    dense = rows.xs("dense", level="kind").droplevel("aimed_at")[list(names)]
    found = dense.div(rows[list(names)], level="dataset").rename(columns=names)
    found.insert(0, "parameters not zero", rows.compression)
    return found.drop(index="dense", level="kind").astype(float).round(2)


def whole_filters(filters: pd.DataFrame, guided: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance, recalibrated: (scope, criterion) in rows, (data set, share of the filters) in columns."""
    led = guided[guided.way == "guided"].assign(scope="guided", criterion="l2")
    rows = pd.concat([filters, led])
    rows = rows[rows.recalibrated]
    order = rows.drop_duplicates(["scope", "criterion"])[["scope", "criterion"]]
    wide = rows.pivot_table(index=["scope", "criterion"], columns=["dataset", "ratio"], values="frechet")
    wide = wide.loc[pd.MultiIndex.from_frame(order)]
    wide = wide.rename(columns=lambda ratio: f"{100 * ratio:g} %", level="ratio")
    return wide.map(lambda value: "" if pd.isna(value) else f"{value:.2f}")


def balance(rounds: pd.DataFrame) -> pd.DataFrame:
    """ "D(x) / D(G(z)) / balance ratio" after the last round, with the rounds that each alarm went off in.

    `rounds` are the rows of notebook 7; its ways in rows, the compressions aimed at in columns.
    """
    way = ["dataset", "arm", "kind", "criterion", "parts", "rewind", "discriminator_rate"]
    rounds, found = rounds.copy(), {}
    rounds.loc[rounds.arm.isin(["dense", "narrow"]), ["kind", "criterion", "parts"]] = "-"
    for key, own in rounds.groupby([*way, "aimed_at"], sort=False):
        last, said = own.iloc[-1], own.alarm.fillna("")
        counts = {name: int(said.str.contains(text, regex=False).sum()) for name, text in ALARMS.items()}
        heard = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        text = f"{last.d_real:.2f} / {last.d_fake:.2f} / {last.balance:.2f}"
        found[key] = text + (f"; of {len(own)} rounds: {heard}" if heard else "")
    wide = pd.Series(found).rename_axis([*way, "aimed_at"]).unstack("aimed_at").fillna("")
    order = list(dict.fromkeys(key[:-1] for key in found))
    same = [name for name in way if name != "arm" and rounds[name].nunique() == 1]
    return wide.loc[order].droplevel(same)


def paying(rows: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance not retrained beside retrained: (data set, kind, criterion, parts) in rows, (compression,
    training) in columns. `rows` are of `smaller.cells`."""
    key = ["dataset", "seed", "kind", "criterion"]
    retrained = rows[rows.training.str.startswith(("one-shot", "iterative"))]
    bare = rows[rows.training == "none"].merge(retrained[[*key, "parts"]].drop_duplicates(), on=key, suffixes=("_", ""))
    bare = bare[bare.aimed_at.isin(retrained.aimed_at)].assign(training="not retrained")
    both = pd.concat([bare, retrained])
    order = list(dict.fromkeys(both.training))
    wide = both.pivot(
        index=["dataset", "kind", "criterion", "parts"], columns=["aimed_at", "training"], values="frechet"
    )
    columns = [(c, t) for c in sorted(set(both.aimed_at)) for t in order if (c, t) in wide.columns]
    return wide[columns].map(lambda value: "" if pd.isna(value) else f"{value:.2f}")


def steps_left(rounds: pd.DataFrame) -> tuple[int, str]:
    """Steps of an arm in all, and of what is pruned little by little those after its last pruning, by compression."""
    plain = rounds[rounds.arm.isin(["one_shot", "iterative"]) & ~rounds.rewind]
    last = plain[(plain.arm == "iterative") & (plain["round"] == plain["round"].max())]
    left = last.groupby("aimed_at").steps_since_pruning.max()
    return int(plain.steps.max()), ", ".join(f"{n} at {c:g}×" for c, n in left.items())


def write_page(folder: Path, shown: dict[str, pd.DataFrame], runs: pd.DataFrame, rounds: pd.DataFrame, **said) -> Path:
    """Write `folder/README.md`, tables and all, from notebooks/smaller.md.j2.

    Args:
        shown: table, ssim, best, costs, checklist and, where there are runs, paying, balance, saving, filters,
            training_step; what is not there has no section.
        rounds: the rows of notebook 7, may be empty.
        said: findings (sentences) and ruined (data set -> Fréchet distance of one image repeated).
    """
    template = jinja2.Template((project_root() / "notebooks" / "smaller.md.j2").read_text(), trim_blocks=True)
    steps, left = steps_left(rounds) if len(rounds) else (0, "")
    by_dataset = {
        name: [(dataset, markdown(own.reset_index())) for dataset, own in _by_dataset(shown[name])]
        for name in ("table", "ssim")
    }
    plain = {name: markdown(_times(_indexed(table))) for name, table in shown.items() if name not in by_dataset}
    files = {name: sorted(str(path.relative_to(folder)) for path in folder.glob(f"{name}/*")) for name in FOLDERS}
    page = template.render(
        **by_dataset, **plain, **files, **said, steps=steps, left=left, count=f"{quality_count(runs):,}",
        tolerance=f"{100 * (TOLERANCE - 1):.0f} %", n_runs=len(runs), code=", ".join(sorted(set(runs.code_version))),
    )  # fmt: skip
    return write_atomic(folder / "README.md", page)


def _indexed(table: pd.DataFrame) -> pd.DataFrame:
    return table.reset_index() if table.index.names != [None] else table


def _by_dataset(table: pd.DataFrame):
    """A table for each data set, without the ways and compressions that it has no run of."""
    for dataset in table.columns.unique(level=0):
        own = table[dataset]
        yield dataset, _times(own.loc[(own != "").any(axis=1), (own != "").any()])


def _times(table: pd.DataFrame) -> pd.DataFrame:
    """Compressions in the column names as "8×"."""
    return table.rename(columns=lambda name: name if isinstance(name, str) else f"{name:g}×")
