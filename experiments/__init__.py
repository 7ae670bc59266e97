"""The paper's experiments, one module a figure; `run` has the command line, `render` redraws from records."""
