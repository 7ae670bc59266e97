"""The paper's experiments, one module a figure, and questions beyond it; `lib` is what they share."""

import diffnet_tf  # noqa: F401  (here, before all else: it loads TensorFlow without its messages)
