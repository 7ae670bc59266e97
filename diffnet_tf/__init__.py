"""DiffNet: networks for nonlinear diffusion problems in imaging, in Keras 3.

    import diffnet_tf as dn

    model = dn.models.DiffNet(initial_scale=0.01)
    dn.training.fit(model, dn.data.load_images("skimage"), "fast", steps=1000)

Reference: S. Arridge & A. Hauptmann, Networks for Nonlinear Diffusion Problems in Imaging, J. Math. Imaging Vis. 62
(2020) 471–487, doi:10.1007/s10851-019-00901-3.
"""

import contextlib
import importlib
import importlib.util

from diffnet_tf import quiet

__version__ = "0.1.0"

_MODULES = (
    "checks",
    "backend",
    "stencil",
    "diffusivity",
    "diffusion",
    "layers",
    "baselines",
    "models",
    "metrics",
    "data",
    "soap",
    "checkpoint",
    "recipes",
    "distribute",
    "training",
    "presets",
    "tiles",
    "restoration",
    "image_files",
    "records",
    "figures",
)
_NEEDS_KERAS = ("backend", "stencil", "diffusivity", "diffusion", "layers", "models", "metrics", "data", "soap")

# Names of functions that are at hand without their module.
_FUNCTIONS = {"list_presets": "presets", "from_preset": "presets", "restore": "restoration"}

__all__ = [*_MODULES, *_FUNCTIONS, "__version__"]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


# Importing the layers registers them with Keras, so that load_model knows them after `import diffnet_tf` alone.
# Drawing from records needs no Keras: without it, the modules are imported when they are first used.
if importlib.util.find_spec("keras") is not None:
    with quiet.loading() if quiet.is_command() else contextlib.nullcontext():
        for _name in _NEEDS_KERAS:
            try:
                importlib.import_module(f"{__name__}.{_name}")
            except ModuleNotFoundError as error:  # Keras without a backend
                if error.name.split(".")[0] not in ("tensorflow", "jax", "torch"):
                    raise
                break
        else:
            globals().update({_name: __getattr__(_name) for _name in _FUNCTIONS})
