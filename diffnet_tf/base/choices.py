"""What arguments with a few named choices may be: here, so that `--help` names them without loading Keras."""

SOURCES = ("skimage", "stl10", "stl10_binary", "mat", "npy", "folder")  # of images, see `data.sources`
SPLITS = ("train", "test", "all")  # of a source's images
PROBLEMS = ("inverse", "forward")  # what a network learns, see `data.pairs`
COLOURS = ("luminance", "channels", "bands")  # what of an image's channels is restored, see `restoration`
PRECISIONS = ("float32", "auto", "bfloat16")  # see `networks.precision`
PRESETS = ("forward", "inverse", "inverse-0.1pct", "inverse-1pct", "deconvolution")  # see `networks.presets`
