"""DiffNet: networks for nonlinear diffusion problems in imaging, in Keras 3.

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> diffused = dn.diffusion.perona_malik(image)
>>> restored = dn.from_preset("inverse")(diffused)
>>> print(", ".join(f"{float(dn.metrics.psnr(image, u)[0]):.0f} dB" for u in (diffused, restored)))
30 dB, 66 dB

Reference: S. Arridge & A. Hauptmann, Networks for Nonlinear Diffusion Problems in Imaging, J. Math. Imaging Vis. 62
(2020) 471–487, doi:10.1007/s10851-019-00901-3.
"""

import contextlib
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from diffnet_tf import quiet

__version__ = "0.1.0"

if TYPE_CHECKING:  # what __getattr__ gives
    from diffnet_tf import (
        analysis,
        backend,
        baselines,
        bootstrap,
        checkpoint,
        checks,
        classical,
        costs,
        data,
        diffusion,
        diffusivity,
        distribute,
        figures,
        image_files,
        inverses,
        layers,
        locality,
        metrics,
        models,
        operators,
        presets,
        recipes,
        records,
        restoration,
        soap,
        stencil,
        tiles,
        training,
        transfer,
        types,
        uncertainty,
    )
    from diffnet_tf.presets import from_preset, list_presets
    from diffnet_tf.restoration import restore

__all__ = [
    "analysis",
    "backend",
    "baselines",
    "bootstrap",
    "checkpoint",
    "checks",
    "classical",
    "costs",
    "data",
    "diffusion",
    "diffusivity",
    "distribute",
    "figures",
    "image_files",
    "inverses",
    "layers",
    "locality",
    "metrics",
    "models",
    "operators",
    "presets",
    "recipes",
    "records",
    "restoration",
    "soap",
    "stencil",
    "tiles",
    "training",
    "transfer",
    "types",
    "uncertainty",
    "from_preset",
    "list_presets",
    "restore",
    "__version__",
]
_NEEDS_KERAS = ("backend", "stencil", "diffusivity", "diffusion", "layers", "models", "metrics", "data", "soap")

# Names of functions that are at hand without their module.
_FUNCTIONS = {"list_presets": "presets", "from_preset": "presets", "restore": "restoration"}


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


# Importing the layers registers them with Keras, so that load_model knows them after `import diffnet_tf` alone.
# Drawing from records needs no Keras: without it, the modules are imported when they are first used.
if importlib.util.find_spec("keras") is not None:
    with quiet.loading() if quiet.is_command() else contextlib.nullcontext():
        for _name in _NEEDS_KERAS:
            try:
                importlib.import_module(f"{__name__}.{_name}")
            except ModuleNotFoundError as error:  # Keras without a backend
                if (error.name or "").split(".")[0] not in ("tensorflow", "jax", "torch"):
                    raise
                break
        else:
            globals().update({_name: __getattr__(_name) for _name in _FUNCTIONS})
