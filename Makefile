# Each target makes its own virtual environment, .venv, when there is none. Another Python: make test PYTHON=python3.13
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Tests that run on Keras's JAX backend as well, in an environment that has no TensorFlow.
JAX_VENV ?= .venv-jax
JAX_TESTS = tests/physics/test_stencil.py tests/physics/test_diffusion.py tests/physics/test_operators.py \
            tests/networks/test_layers.py tests/networks/test_models.py tests/networks/test_presets.py \
            tests/training/test_training.py tests/training/test_soap.py tests/training/test_distribute.py \
            tests/data/test_examples.py tests/test_metrics.py tests/test_without_tensorflow.py
WITHOUT_TENSORFLOW = jax numpy scikit-image matplotlib absl-py

# Figures are drawn from records in an environment that has nothing else.
FIGURES_VENV ?= .venv-figures
AUDIT_VENV ?= .venv-audit

.PHONY: reproduce test test-torch torture audit lint package docs bench bench-recipes figures notebooks
.DELETE_ON_ERROR:

reproduce: $(VENV)/installed
	$(BIN)/python -m experiments.fig06_samples --budget quick
	$(BIN)/python -m experiments.fig07_samples --budget quick

test: $(VENV)/installed-dev $(JAX_VENV)/installed-dev lint package
	$(BIN)/python -m pytest -n 2 --dist loadfile
	KERAS_BACKEND=jax $(JAX_VENV)/bin/python -m pytest -n 2 --dist loadfile $(JAX_TESTS)

# A real training, killed 50 times with SIGKILL, ends as if it had not been: a quarter of an hour on two idle cores.
torture: $(VENV)/installed-dev
	$(BIN)/python -m tests.torture

# The same networks on Keras's PyTorch backend. Not part of `test`.
test-torch: $(VENV)/installed-dev $(VENV)/installed-bench
	KERAS_BACKEND=torch $(BIN)/python -m pytest -n 2 tests/physics/test_stencil.py tests/networks/test_presets.py \
		tests/restoration/test_restoration.py

# All figures and the page, from results/: under a minute, after the install.
figures: $(FIGURES_VENV)/installed
	$(FIGURES_VENV)/bin/python -m experiments.render

# Source distribution and wheel, installed and used in an environment of its own, away from the repository.
package: $(VENV)/installed-dev
	rm -rf build/package && mkdir -p build/package
	$(BIN)/python -m build --outdir build/package/dist .
	$(PYTHON) -m venv build/package/venv
	build/package/venv/bin/python -m pip install --quiet build/package/dist/*.whl
	mkdir build/package/elsewhere && cp tests/installed.py build/package/elsewhere
	cd build/package/elsewhere && ../venv/bin/python installed.py ../dist
	rm -rf build/package

# The reference of all modules, from their docstrings: open build/docs/index.html.
docs: $(VENV)/installed-dev
	$(BIN)/python -m pdoc --docformat google --math --output-directory build/docs diffnet_tf '!diffnet_tf.commands'

notebooks: $(VENV)/installed-dev
	$(BIN)/python notebooks/execute.py

# All but the trainings, in less than 20 minutes: leave the machine alone meanwhile.
bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks

# Hours. It needs the images: make bench-recipes DATA=training_folder TEST=test_folder (in STL-10's binary format).
bench-recipes: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.recipes --data_dir $(DATA) --test_dir $(TEST)

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

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --editable ".[dev]"
	touch $@

$(JAX_VENV)/installed-dev: setup.py
	$(PYTHON) -m venv $(JAX_VENV)
	$(JAX_VENV)/bin/python -m pip install "keras>=3.15.1,<4" $(WITHOUT_TENSORFLOW) scipy pytest pytest-xdist
	$(JAX_VENV)/bin/python -m pip install --no-deps --editable .
	touch $@

$(FIGURES_VENV)/installed: setup.py
	$(PYTHON) -m venv $(FIGURES_VENV)
	$(FIGURES_VENV)/bin/python -m pip install "numpy>=2.0,<3" "matplotlib>=3.10,<4"
	touch $@

$(AUDIT_VENV)/installed:
	$(PYTHON) -m venv $(AUDIT_VENV)
	$(AUDIT_VENV)/bin/python -m pip install pip-audit
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --editable ".[bench]"
	touch $@
