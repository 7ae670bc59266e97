"""The choices of arguments that take one of a few names. They are here so that `--help` need not load Keras."""

SOURCES = ("skimage", "stl10", "stl10_binary", "mat", "npy", "folder")  # of images, see `data.sources`
SPLITS = ("train", "test", "all")  # of a source's images
PROBLEMS = ("inverse", "forward", "denoise")  # what a network learns, see `data.pairs`
COLOURS = ("luminance", "channels", "bands")  # how an image's channels are restored, see `restoration`
SCALES = ("maximum", "white")  # what images are divided by, see `networks.cards.scale`
PRECISIONS = ("float32", "auto", "bfloat16")  # see `networks.precision`
PRESETS = (
    "denoise",
    "denoise-colour",
    "inverse-any-noise",
    "forward",
    "inverse",
    "inverse-0.1pct",
    "inverse-1pct",
    "deconvolution",
)  # see `networks.presets`
ESTIMATED = {"contrast": (0.1, 0.4), "time": (0.2, 1.0), "noise": (0.001, 0.05)}
"""What `estimate_diffusion` is made for: λ and σ as shares of the maximum, T in pixels². They are never outside."""
