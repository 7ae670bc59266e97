# Each target makes its own virtual environment, .venv, when there is none. Another Python: make test PYTHON=python3.13
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Two workers; one that has finished takes tests from the other. The slowest tests are listed.
PYTEST = -m pytest -n 2 --dist worksteal --durations=25
# What `make test` leaves to `make test-all`.
FAST = -m "not slow"
# Tests that run on Keras's JAX backend as well, in an environment that has no TensorFlow: those of the core in
# `make test`, with all others in `make test-all`.
JAX_VENV ?= .venv-jax
JAX_CORE = tests/physics/test_stencil.py tests/physics/test_diffusion.py tests/physics/test_operators.py \
           tests/networks/test_layers.py tests/networks/test_presets.py tests/training/test_training.py \
           tests/training/test_device.py tests/test_without_tensorflow.py
JAX_TESTS = $(JAX_CORE) tests/networks/test_models.py tests/networks/test_open_presets.py \
            tests/networks/test_reaction.py tests/networks/test_for_denoising.py tests/networks/test_convolution.py \
            tests/networks/test_precision.py tests/networks/test_recompute.py tests/networks/test_conservative.py \
            tests/networks/test_conditioned.py tests/physics/test_per_image.py tests/training/test_soap.py tests/training/test_distribute.py \
            tests/data/test_halves.py tests/data/test_examples.py tests/hostile/test_bad_input.py tests/test_metrics.py
# Tests that show that Keras's PyTorch backend and a network written in PyTorch give the same; and deepinv with both.
TORCH_VENV ?= .venv-torch
TORCH_TESTS = tests/physics/test_stencil.py tests/networks/test_reaction.py tests/networks/test_presets.py tests/networks/test_precision.py \
              tests/networks/test_convolution.py tests/networks/test_recompute.py tests/restoration/test_restoration.py \
              tests/restoration/test_deepinv.py tests/test_benchmarks.py

# Figures are drawn from records in an environment that has nothing else.
FIGURES_VENV ?= .venv-figures
AUDIT_VENV ?= .venv-audit

.PHONY: reproduce paper test test-all test-torch torture audit lint package package-alone docs bench bench-recipes figures \
        gallery notebooks
.DELETE_ON_ERROR:

reproduce: $(VENV)/installed
	$(BIN)/python -m experiments.fig06_samples --budget quick
	$(BIN)/python -m experiments.fig07_samples --budget quick

# All of the paper, and beyond: days on two cores, so with BUDGET=quick or cpu there. make paper ARGS="--source stl10 --data-dir DIR"
BUDGET ?= paper
paper: $(VENV)/installed-comparison
	$(BIN)/python -m experiments.all --budget $(BUDGET) $(ARGS)

# Eight minutes on two idle cores, the installation included: all but the tests that are marked as slow.
test:
	$(MAKE) --jobs 2 $(VENV)/installed-dev $(JAX_VENV)/installed-dev
	$(MAKE) --jobs 2 --output-sync lint package
	$(BIN)/python $(PYTEST) $(FAST)
	KERAS_BACKEND=jax $(JAX_VENV)/bin/python $(PYTEST) $(FAST) $(JAX_CORE)

# Everything, on all three backends.
test-all: $(VENV)/installed-export $(VENV)/installed-docs $(JAX_VENV)/installed-dev lint package-alone test-torch
	$(BIN)/python $(PYTEST)
	KERAS_BACKEND=jax $(JAX_VENV)/bin/python $(PYTEST) $(JAX_TESTS)

test-torch: $(TORCH_VENV)/installed-dev
	KERAS_BACKEND=torch $(TORCH_VENV)/bin/python $(PYTEST) $(TORCH_TESTS)

# A real training, killed 50 times with SIGKILL, ends as if it had not been: a quarter of an hour on two idle cores.
torture: $(VENV)/installed-dev
	$(BIN)/python -m tests.torture

# All figures and the page, from results/: under a minute, after the install.
figures: $(FIGURES_VENV)/installed
	$(FIGURES_VENV)/bin/python -m experiments.render

# Source distribution and wheel, installed and used in an environment of its own, away from the repository. What the
# package requires is that of $(VENV), or, in `package-alone`, installed anew: then nothing is there that it does not name.
package: FOLDER = build/package
package: BORROWED = $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
package-alone: FOLDER = build/package-alone
package package-alone: $(VENV)/installed-dev
	rm -rf $(FOLDER) && mkdir -p $(FOLDER)
	$(BIN)/python -m build --outdir $(FOLDER)/dist .
	$(PYTHON) -m venv $(FOLDER)/venv
	$(if $(BORROWED),$(BORROWED) > "$$($(FOLDER)/venv/bin/python -c 'import site; print(*site.getsitepackages())')/borrowed.pth")
	$(FOLDER)/venv/bin/python -m pip install --quiet $(if $(BORROWED),--no-deps) $(FOLDER)/dist/*.whl
	mkdir $(FOLDER)/elsewhere && cp tests/installed.py $(FOLDER)/elsewhere
	cd $(FOLDER)/elsewhere && ../venv/bin/python installed.py ../dist
	rm -rf $(FOLDER)

# The site: pages of docs/, notebooks and the reference from the docstrings; a broken link is an error. Open
# build/site/index.html, or serve it while you write: .venv/bin/python -m mkdocs serve
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "The site is in build/site: open build/site/index.html in a browser."

# The scripts of the gallery, and their pictures: some minutes.
gallery: $(VENV)/installed-dev
	mkdir -p build/gallery
	for script in gallery/*.py; do (cd build/gallery && $(abspath $(BIN))/python $(CURDIR)/$$script) || exit; done
	cp build/gallery/*.png docs/pictures/gallery

notebooks: $(VENV)/installed-dev
	$(BIN)/python notebooks/execute.py

# All but the trainings, in less than 20 minutes: leave the machine alone meanwhile.
bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks

# Hours. It needs the images: make bench-recipes DATA=training_folder TEST=test_folder (in STL-10's binary format).
bench-recipes: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.recipes --data-dir $(DATA) --test-dir $(TEST)

# Known weaknesses of the installed dependencies, from pypi.org's advisories. Not part of `test`.
audit: $(VENV)/installed-dev $(AUDIT_VENV)/installed
	@$(AUDIT_VENV)/bin/python -c "import urllib.request as r; r.urlopen('https://pypi.org/pypi/pip/24.0/json', timeout=9)" \
		2>/dev/null || { echo "audit: pypi.org cannot be reached for its advisories; nothing was audited." >&2; exit 3; }
	$(AUDIT_VENV)/bin/pip-audit --skip-editable --path \
		"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable .
	touch $@

$(VENV)/installed-dev: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable ".[dev]"
	touch $(VENV)/installed $@

# The runtimes of exported networks.
$(VENV)/installed-export: $(VENV)/installed-dev
	$(BIN)/python -m pip install --editable ".[export]"
	touch $@

$(JAX_VENV)/installed-dev: setup.py requirements-jax.txt
	$(PYTHON) -m venv $(JAX_VENV)
	$(JAX_VENV)/bin/python -m pip install --requirement requirements-jax.txt pytest pytest-xdist
	$(JAX_VENV)/bin/python -m pip install --no-deps --editable .
	touch $@

# As on JAX, with PyTorch in its place.
$(TORCH_VENV)/installed-dev: setup.py requirements-jax.txt
	$(PYTHON) -m venv $(TORCH_VENV)
	grep -v '^jax' requirements-jax.txt > $(TORCH_VENV)/requirements.txt
	$(TORCH_VENV)/bin/python -m pip install --requirement $(TORCH_VENV)/requirements.txt torch==2.13.0 pytest \
		pytest-xdist "deepinv>=0.5,<0.6"
	$(TORCH_VENV)/bin/python -m pip install --no-deps --editable .
	touch $@

$(FIGURES_VENV)/installed: setup.py
	$(PYTHON) -m venv $(FIGURES_VENV)
	$(FIGURES_VENV)/bin/python -m pip install "numpy>=2.0,<3" "matplotlib>=3.10,<4"
	touch $@

$(AUDIT_VENV)/installed:
	$(PYTHON) -m venv $(AUDIT_VENV)
	$(AUDIT_VENV)/bin/python -m pip install pip-audit
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --editable ".[docs]"
	touch $@

$(VENV)/installed-comparison: $(VENV)/installed
	$(BIN)/python -m pip install --editable ".[comparison]"
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --editable ".[bench]"
	touch $@
