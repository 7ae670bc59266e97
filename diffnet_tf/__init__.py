"""DiffNet: networks for nonlinear diffusion problems in imaging, in Keras 3.

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> diffused = dn.diffusion.perona_malik(image)
>>> restored = dn.from_preset("inverse")(diffused)
>>> print(", ".join(f"{float(dn.metrics.psnr(image, u)[0]):.0f} dB" for u in (diffused, restored)))
30 dB, 66 dB

The modules are sorted into folders: `base`, `files`, `physics`, `data`, `networks`, `training`, `restoration`,
`evaluation` and `commands`. The modules that users need most also have a short name: `diffnet_tf.layers` is
`diffnet_tf.networks.layers`.

Reference: S. Arridge & A. Hauptmann, Networks for Nonlinear Diffusion Problems in Imaging, J. Math. Imaging Vis. 62
(2020) 471–487, doi:10.1007/s10851-019-00901-3.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from diffnet_tf.base import frameworks, quiet

__version__ = "0.2.0"

if TYPE_CHECKING:  # the names that __getattr__ finds
    from diffnet_tf import data, metrics, training
    from diffnet_tf.evaluation import analysis, classical
    from diffnet_tf.evaluation.benchmark import benchmark
    from diffnet_tf.networks import layers, models, presets, transfer
    from diffnet_tf.networks.presets import from_preset, list_presets, save_to_preset
    from diffnet_tf.physics import diffusion, diffusivity, inverses, stencil
    from diffnet_tf.restoration import estimate_diffusion, estimate_noise, restore
    from diffnet_tf.training import distribute, recipes

__all__ = [
    "analysis",
    "benchmark",
    "classical",
    "data",
    "diffusion",
    "diffusivity",
    "distribute",
    "estimate_diffusion",
    "estimate_noise",
    "from_preset",
    "inverses",
    "layers",
    "list_presets",
    "metrics",
    "models",
    "presets",
    "recipes",
    "restore",
    "save_to_preset",
    "stencil",
    "training",
    "transfer",
    "__version__",
]

# Short name → the module that it stands for.
_SHORT = {
    "analysis": "evaluation.analysis",
    "classical": "evaluation.classical",
    "deepinv": "restoration.deepinv",  # not in __all__: it imports PyTorch where deepinv is installed
    "diffusion": "physics.diffusion",
    "diffusivity": "physics.diffusivity",
    "distribute": "training.distribute",
    "inverses": "physics.inverses",
    "layers": "networks.layers",
    "models": "networks.models",
    "presets": "networks.presets",
    "recipes": "training.recipes",
    "stencil": "physics.stencil",
    "transfer": "networks.transfer",
}
_FUNCTIONS = {
    "benchmark": "evaluation.benchmark",
    "estimate_diffusion": "restoration",
    "estimate_noise": "restoration",
    "from_preset": "presets",
    "list_presets": "presets",
    "restore": "restoration",
    "save_to_preset": "presets",
}
_ROOMS = ("base", "commands", "data", "evaluation", "files", "networks", "physics", "restoration", "training")


class _ShortNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `import diffnet_tf.layers` return the module object of `diffnet_tf.networks.layers` itself, not a copy."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        short = name.removeprefix(f"{__name__}.")
        return importlib.machinery.ModuleSpec(name, self) if short in _SHORT and short != name else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{__name__}.{_SHORT[spec.name.removeprefix(f'{__name__}.')]}")
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # the import system has just replaced it by that of the short name


sys.meta_path.append(_ShortNames())


def __getattr__(name: str) -> Any:
    try:
        if name in _FUNCTIONS:
            return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
        if name in (*_SHORT, *_ROOMS, "figures", "metrics"):
            return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if not (advice := frameworks.advice(error)):
            raise
        raise ModuleNotFoundError(advice, name=error.name) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _load() -> None:
    """Import the modules that register layers, models, metrics and optimisers with Keras, so that load_model works.

    Without Keras (figures can be drawn from records without it), modules are imported when they are first used.
    """
    if importlib.util.find_spec("keras") is None:
        return
    with quiet.loading():
        for name in ("diffusion", "models", "metrics", "data", "recipes"):
            try:
                importlib.import_module(f"{__name__}.{name}")
            except ModuleNotFoundError as error:  # Keras without a backend
                if (error.name or "").split(".")[0] not in frameworks.NAMES:
                    raise
                return
    globals().update({name: __getattr__(name) for name in _FUNCTIONS})


frameworks.choose()
if quiet.COMMAND != "diffnet_tf":  # otherwise __main__ does it, for the commands that need Keras
    _load()
