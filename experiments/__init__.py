"""The paper's experiments, one module a figure; `run` has the command line, `render` redraws from records."""

import diffnet_tf  # noqa: F401  (here, before all else: it loads TensorFlow without its messages)
