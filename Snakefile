# The study as a graph: one papermill run a cell of the matrix in a study file.
#   snakemake --config study=params/studies/quick.yaml
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))
import study as studies

try:
    STUDY = studies.load(config.get("study", "params/studies/quick.yaml"))
except ValueError as error:
    sys.exit(f"study: {error}")

REPORTS = STUDY.prunes or STUDY.compares or STUDY.cuts
RUN = f"{sys.executable} workflow/run_notebook.py"
CLASSIFIER, TRAIN, PRUNE = (f"notebooks/{name}.ipynb" for name in ("00_classifier", "01_train", "02_prune"))
TABLES, QUALITY = "notebooks/03_tables.ipynb", "notebooks/09_quality.ipynb"
SMALLER, CUT = "notebooks/12_one_table.ipynb", "notebooks/14_where_to_cut.ipynb"


def notebook_of(step):
    return f"notebooks/{studies.NUMBERS[step.split('/')[0]]}.ipynb"


def cores_of(wildcards):
    # What is timed runs alone; any other run takes as many cores as its parameters say.
    asked = STUDY.runs[f"{wildcards.folder}/{wildcards.step}"]["parameters"].get("threads", workflow.cores)
    return workflow.cores if wildcards.step in ("cost", "inner") else asked


rule all:
    input:
        # A study that only trains has no tables.
        f"{STUDY.report}/README.md" if REPORTS else [f"{run}/manifest.json" for run in STUDY.runs],


rule classifier:
    input:
        CLASSIFIER,
        studies.modules_of(CLASSIFIER),
    output:
        "{folder}/classifier/manifest.json",
    log:
        "{folder}/classifier/notebook.ipynb",
    params:
        values=lambda wildcards: STUDY.parameters(f"{wildcards.folder}/classifier"),
    threads: 2
    shell:
        "{RUN} {CLASSIFIER} {log} --parameters {params.values:q}"


rule train:
    input:
        TRAIN,
        studies.modules_of(TRAIN),
    output:
        "{folder}/train/manifest.json",
    log:
        "{folder}/train/notebook.ipynb",
    params:
        values=lambda wildcards: STUDY.parameters(f"{wildcards.folder}/train"),
    threads: 2
    shell:
        "{RUN} {TRAIN} {log} --parameters {params.values:q}"


rule prune:
    input:
        PRUNE,
        studies.modules_of(PRUNE),
        # The training's manifest, or the weights that are there already.
        lambda wildcards: STUDY.runs[f"{wildcards.folder}/prune/{wildcards.cell}"]["source"],
    output:
        "{folder}/prune/{cell}/manifest.json",
    log:
        "{folder}/prune/{cell}/notebook.ipynb",
    params:
        values=lambda wildcards: STUDY.parameters(f"{wildcards.folder}/prune/{wildcards.cell}"),
    shell:
        "{RUN} {PRUNE} {log} --parameters {params.values:q}"


rule shipped:
    # A notebook that needs no more than a shipped pair, or the training of a U-Net.
    input:
        lambda wildcards: notebook_of(wildcards.step),
        lambda wildcards: studies.modules_of(notebook_of(wildcards.step)),
        lambda wildcards: STUDY.runs[f"{wildcards.folder}/{wildcards.step}"]["source"],
    output:
        "{folder}/{step}/manifest.json",
    wildcard_constraints:
        step="sensitivity|audit|structured|compression|cost|retrain/[^/]+|unet|narrow|inner",
    log:
        "{folder}/{step}/notebook.ipynb",
    params:
        notebook=lambda wildcards: notebook_of(wildcards.step),
        values=lambda wildcards: STUDY.parameters(f"{wildcards.folder}/{wildcards.step}"),
    # The longest runs come first, so that none is left alone at the end.
    threads: cores_of
    priority: 1
    shell:
        "{RUN} {params.notebook} {log} --parameters {params.values:q}"


rule runs:
    # What belongs to the study: folders of runs that it no longer asks for stay where they are, but out of its tables.
    output:
        f"results/{STUDY.name}/runs.txt",
    params:
        runs=[run.removeprefix(f"results/{STUDY.name}/") for run in STUDY.runs],
    run:
        Path(output[0]).write_text("\n".join(params.runs) + "\n")


if STUDY.prunes:

    rule quality:
        input:
            QUALITY,
            rules.runs.output,
            studies.modules_of(QUALITY),
            [f"{folder}/manifest.json" for folder in STUDY.runs],
        output:
            f"{STUDY.report}/tables/quality.csv",
        log:
            f"{STUDY.report}/notebooks/09_quality.ipynb",
        params:
            values=json.dumps({"results": f"results/{STUDY.name}", "output": STUDY.report}),
        shell:
            "{RUN} {QUALITY} {log} --parameters {params.values:q}"


    rule tables:
        input:
            TABLES,
            rules.runs.output,
            "notebooks/landing.md.j2",
            studies.modules_of(TABLES),
            [f"{folder}/manifest.json" for folder in STUDY.runs],
            rules.quality.output if STUDY.measures_quality else [],
            [f"{STUDY.report}/notebooks/{studies.example_name(run)}" for run in STUDY.examples],
        output:
            f"{STUDY.report}/README.md",
        log:
            f"{STUDY.report}/notebooks/03_tables.ipynb",
        params:
            values=json.dumps({"study": STUDY.name, "results": f"results/{STUDY.name}", "output": STUDY.report}),
        shell:
            "{RUN} {TABLES} {log} --parameters {params.values:q} && "
            "{sys.executable} -m nbconvert --log-level ERROR --to html {log} --output-dir results/{STUDY.name} --output tables"

elif STUDY.compares:

    rule smaller:
        input:
            SMALLER,
            rules.runs.output,
            "notebooks/smaller.md.j2",
            studies.modules_of(SMALLER),
            [f"{folder}/manifest.json" for folder in STUDY.runs],
            [f"{STUDY.report}/notebooks/{studies.example_name(run)}" for run in STUDY.examples],
        output:
            f"{STUDY.report}/README.md",
        log:
            f"{STUDY.report}/notebooks/12_one_table.ipynb",
        params:
            values=json.dumps({"results": f"results/{STUDY.name}", "output": STUDY.report}),
        threads: workflow.cores  # it times networks
        shell:
            "{RUN} {SMALLER} {log} --parameters {params.values:q}"

elif STUDY.cuts:

    rule cut:
        input:
            CUT,
            rules.runs.output,
            studies.modules_of(CUT),
            [f"{folder}/manifest.json" for folder in STUDY.runs],
            [f"{STUDY.report}/notebooks/{studies.example_name(run)}" for run in STUDY.examples],
        output:
            f"{STUDY.report}/README.md",
        log:
            f"{STUDY.report}/notebooks/14_where_to_cut.ipynb",
        params:
            values=json.dumps({"results": f"results/{STUDY.name}", "output": STUDY.report}),
        shell:
            "{RUN} {CUT} {log} --parameters {params.values:q}"


rule example:
    input:
        lambda wildcards: f"{STUDY.example(wildcards.name)}/manifest.json",
    output:
        f"{STUDY.report}/notebooks/{{name}}",
    wildcard_constraints:
        name="(0[0-24-8]|1[01]).*",
    run:
        Path(output[0]).write_bytes((Path(input[0]).parent / "notebook.ipynb").read_bytes())


def failed_runs():
    """One line a failed run: which, and its error's last line."""
    for folder in [*STUDY.runs, f"{STUDY.report}/notebooks"]:
        for error in Path(folder).glob("*.error.txt"):
            yield f"  {folder}: {error.read_text().strip()}"


onsuccess:
    also = f", or results/{STUDY.name}/tables.html in a browser" if STUDY.prunes else ""
    print(f"\nDone. Read {STUDY.report}/README.md{also}." if REPORTS else "\nDone.")


onerror:
    lines = list(failed_runs())
    print(f"\n{len(lines)} failed (their executed notebooks are kept in the same folders):", *lines, sep="\n")
