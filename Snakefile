# The study as a graph: a run of a notebook for each cell of the matrix in a study file, then the report's notebooks.
#   snakemake --config study=params/studies/quick.yaml
import json
import os
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))
sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter ends no study
os.environ.setdefault("PYTHONUTF8", "1")  # of the runs
STUDY_FILE = str(config.get("study", "params/studies/quick.yaml"))
try:
    import data_files
    import lock
    import progress
    import study as studies

    STUDY = studies.load(STUDY_FILE)
    DATA = data_files.of(STUDY.runs)
    if workflow.is_main_process and not workflow.output_settings.dryrun:
        lock.hold(STUDY.results)
except ValueError as error:
    sys.exit(f"study: {error}")

# exec: so that a run sees when this process ends, with no shell between them.
NOTEBOOK = f"exec {shlex.quote(sys.executable)} workflow/run_notebook.py"
MANIFESTS = [f"{folder}/manifest.json" for folder in STUDY.runs]
WATCH = progress.watch(workflow, STUDY)


rule all:
    input:
        STUDY.reports[-1].output if STUDY.reports else MANIFESTS,


rule run:
    message:
        "{wildcards.folder}"
    input:
        lambda wildcards: STUDY.runs[wildcards.folder].sources,
        notebook=lambda wildcards: STUDY.runs[wildcards.folder].notebook,
    output:
        "{folder}/manifest.json",
    wildcard_constraints:
        folder="|".join(map(re.escape, STUDY.runs)),
    log:
        "{folder}/notebook.ipynb",
    params:
        values=lambda wildcards: json.dumps(STUDY.runs[wildcards.folder].parameters, sort_keys=True),
        # An edit of the package makes due what imports it, and nothing else.
        code=lambda wildcards: studies.code_of(STUDY.runs[wildcards.folder].notebook),
        data=lambda wildcards: DATA[wildcards.folder],
    threads: lambda wildcards: STUDY.runs[wildcards.folder].threads(workflow.cores)
    # Prunings are the shortest runs: last, so that no long one is left alone at the end.
    priority: lambda wildcards: int(STUDY.runs[wildcards.folder].step != "prune")
    shell:
        "{NOTEBOOK} {input.notebook} {log} --parameters {params.values:q}"


for i, report in enumerate(STUDY.reports):

    rule:
        name:
            f"report_{report.name}"
        message:
            report.notebook
        input:
            MANIFESTS,
            [before.output for before in STUDY.reports[:i]],
            notebook=report.notebook,
        output:
            report.output,
        log:
            f"{STUDY.report}/notebooks/{report.name}.ipynb",
        params:
            values=json.dumps(report.parameters, sort_keys=True),
            examples=STUDY.examples,
            code=studies.code_of(report.notebook),
        threads: workflow.cores
        shell:
            "{NOTEBOOK} {input.notebook} {log} --parameters {params.values:q} --study {STUDY_FILE:q}"


onsuccess:
    print(WATCH.success())


onerror:
    print(WATCH.failures())
