# Everything sets itself up from Python >= 3.11 with venv, and make.
PYTHON ?= python3
RUN := .venv/bin/python
READY := .venv/.ready
SNAKEMAKE := $(RUN) -m snakemake --profile profiles/default
# Text is UTF-8, whatever the terminal speaks.
export LC_ALL := C.UTF-8
# Caches need a home that can be written.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
$(shell mkdir -p .snakemake/home)
export HOME := $(CURDIR)/.snakemake/home
endif

.PHONY: help study test check report compression unets talking checkpoints coursework site lab clean
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

study: $(READY)  ## train a small DCGAN, prune it and the pretrained one, write tables: minutes, no download
	@$(SNAKEMAKE) --config study=params/studies/quick.yaml

test: check  ## check, then the other tests: every notebook, a whole study, a wheel
	$(RUN) -m pytest -m slow

check: $(READY)  ## ruff, the layers of the package, and the fast tests: two minutes
	$(RUN) -m ruff check .
	.venv/bin/lint-imports
	$(RUN) -m pytest -m "not slow"

report: $(READY)  ## run the paper's study on the pretrained weights and rewrite reports/
	@$(SNAKEMAKE) --config study=params/studies/paper.yaml

compression: $(READY)  ## compare masks with filters, retrain, measure cost, and rewrite reports/compression/: hours, needs the data sets
	@$(SNAKEMAKE) --config study=params/studies/compression.yaml

unets: $(READY)  ## train U-Nets on edges and faces, prune their inner layers, and rewrite reports/unets/: a day, needs the data
	@$(SNAKEMAKE) --config study=params/studies/unets.yaml

talking: $(READY)  ## train a talking face on GRID, prune it, and rewrite reports/talking_face/: a night, needs the data
	@$(SNAKEMAKE) --config study=params/studies/talking_face.yaml

checkpoints: $(READY)  ## train the pretrained weights in checkpoints/ again: hours, needs the data sets
	@$(SNAKEMAKE) --config study=params/studies/checkpoints.yaml
	$(RUN) workflow/ship.py

coursework: $(READY)  ## write student's and instructor's copies of the lessons, the autograder's bundle and the slides: minutes
	$(RUN) coursework/build.py

site: $(READY)  ## build the site from what is committed, into docs/_build/html: a minute, runs no notebook
	$(RUN) -m sphinx -q -E -c docs . docs/_build/html
	@echo "open docs/_build/html/index.html"

lab: $(READY)  ## open JupyterLab on the notebooks
	$(RUN) -m jupyter lab notebooks

clean:  ## remove results/ (not data/, not .venv/)
	rm -rf results .snakemake

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"make: needs Python 3.11 or newer, {sys.executable} is {sys.version.split()[0]}; choose another with PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,site,coursework]'
	@touch $@
