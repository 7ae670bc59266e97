"""The paper's experiments, one module a figure; `lib` is what they share, `render` redraws from records."""

import diffnet_tf  # noqa: F401  (here, before all else: it loads TensorFlow without its messages)
