"""The paper's experiments, one module for each figure, and questions beyond the paper. `lib` holds what they share."""

import diffnet_tf  # noqa: F401  (here, before all else: it loads TensorFlow without its messages)
