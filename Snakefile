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

RUN = f"{sys.executable} workflow/run_notebook.py"
CLASSIFIER, TRAIN, PRUNE = (f"notebooks/{name}.ipynb" for name in ("00_classifier", "01_train", "02_prune"))
SENSITIVITY, AUDIT = "notebooks/04_layer_sensitivity.ipynb", "notebooks/05_audit.ipynb"
TABLES, QUALITY = "notebooks/03_tables.ipynb", "notebooks/09_quality.ipynb"


rule all:
    input:
        # A study that only trains has no tables.
        f"{STUDY.report}/README.md" if STUDY.prunes else [f"{run}/manifest.json" for run in STUDY.runs],


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


rule sensitivity:
    input:
        SENSITIVITY,
        studies.modules_of(SENSITIVITY),
        lambda wildcards: STUDY.runs[f"{wildcards.folder}/sensitivity"]["source"],
    output:
        "{folder}/sensitivity/manifest.json",
    log:
        "{folder}/sensitivity/notebook.ipynb",
    params:
        values=lambda wildcards: STUDY.parameters(f"{wildcards.folder}/sensitivity"),
    priority: 1  # the longest runs first, so that none is left alone at the end
    shell:
        "{RUN} {SENSITIVITY} {log} --parameters {params.values:q}"


rule audit:
    input:
        AUDIT,
        studies.modules_of(AUDIT),
        lambda wildcards: STUDY.runs[f"{wildcards.folder}/audit"]["source"],
    output:
        "{folder}/audit/manifest.json",
    log:
        "{folder}/audit/notebook.ipynb",
    params:
        values=lambda wildcards: STUDY.parameters(f"{wildcards.folder}/audit"),
    shell:
        "{RUN} {AUDIT} {log} --parameters {params.values:q}"


rule runs:
    # What belongs to the study: folders of runs that it no longer asks for stay where they are, but out of its tables.
    output:
        f"results/{STUDY.name}/runs.txt",
    params:
        runs=[run.removeprefix(f"results/{STUDY.name}/") for run in STUDY.runs],
    run:
        Path(output[0]).write_text("\n".join(params.runs) + "\n")


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


rule example:
    input:
        lambda wildcards: f"{STUDY.example(wildcards.name)}/manifest.json",
    output:
        f"{STUDY.report}/notebooks/{{name}}",
    wildcard_constraints:
        name="0[01245].*",
    run:
        Path(output[0]).write_bytes((Path(input[0]).parent / "notebook.ipynb").read_bytes())


def failed_runs():
    """One line a failed run: which, and its error's last line."""
    for folder in [*STUDY.runs, f"{STUDY.report}/notebooks"]:
        for error in Path(folder).glob("*.error.txt"):
            yield f"  {folder}: {error.read_text().strip()}"


onsuccess:
    print(f"\nDone. Read {STUDY.report}/README.md, or results/{STUDY.name}/tables.html in a browser.")


onerror:
    lines = list(failed_runs())
    print(f"\n{len(lines)} failed (their executed notebooks are kept in the same folders):", *lines, sep="\n")
