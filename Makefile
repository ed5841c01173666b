# Everything sets itself up from Python >= 3.11 with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SNAKEMAKE := $(BIN)/snakemake --profile profiles/default

.PHONY: help study test check report compression unets checkpoints lab clean
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

study: $(READY)  ## train a small DCGAN, prune it and the pretrained one, write tables: minutes, no download
	@$(SNAKEMAKE) --config study=params/studies/quick.yaml

test: check  ## check, then the other tests: every notebook, a whole study, a wheel
	$(BIN)/pytest -m slow

check: $(READY)  ## ruff, the layers of the package, and the fast tests: under a minute
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not slow"

report: $(READY)  ## run the paper's study on the pretrained weights and rewrite reports/
	@$(SNAKEMAKE) --config study=params/studies/paper.yaml

compression: $(READY)  ## compare masks with filters, retrain, measure cost, and rewrite reports/compression/: hours, needs the data sets
	@$(SNAKEMAKE) --config study=params/studies/compression.yaml

unets: $(READY)  ## train U-Nets on edges and faces, prune their inner layers, and rewrite reports/unets/: a day, needs the data
	@$(SNAKEMAKE) --config study=params/studies/unets.yaml

checkpoints: $(READY)  ## train the pretrained weights in checkpoints/ again: hours, needs the data sets
	@$(SNAKEMAKE) --config study=params/studies/checkpoints.yaml
	$(BIN)/python workflow/ship.py

lab: $(READY)  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

clean:  ## remove results/ (not data/, not .venv/)
	rm -rf results .snakemake

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"make: needs Python 3.11 or newer, {sys.executable} is {sys.version.split()[0]}; choose another with PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
