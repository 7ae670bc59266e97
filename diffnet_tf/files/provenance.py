"""The origin of a result: versions of packages, commit of the code, and the machine."""

import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

_PACKAGES = ("tensorflow", "tensorflow-cpu", "jax", "torch", "keras", "numpy", "scikit-image", "matplotlib")


def versions() -> dict[str, str]:
    """The versions of Python and of those packages that matter and are installed, by name."""
    installed = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def commit() -> str | None:
    """The git commit of the code, with "+changes" if Python files differ from it; None outside a checkout."""
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "*.py")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def hardware() -> dict[str, Any]:
    """Processor, usable cores and memory in GiB; if Keras is loaded, also the names of its accelerators."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    machine = {"processor": processor, "cores": cores, "memory_gib": memory, "machine": platform.machine()}
    return {**machine, "accelerators": accelerators()} if "keras" in sys.modules else machine


def accelerators() -> list[str]:
    """The names of the GPUs (or TPUs) that Keras's backend computes on; an empty list on a CPU."""
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
        return [str(detail.get("device_name", "GPU")) for detail in details]
    if name == "jax":
        import jax

        return [device.device_kind for device in jax.local_devices() if device.platform != "cpu"]
    import torch

    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


def device() -> str:
    """The device that Keras's backend computes on, as in "CPU, 2 cores (TensorFlow 2.21)", or the names of the GPUs."""
    import keras

    names = accelerators()
    kinds = [f"{names.count(kind)} × {kind}" if names.count(kind) > 1 else kind for kind in dict.fromkeys(names)]
    cores = hardware()["cores"]
    where = ", ".join(kinds) or f"CPU, {cores} core{'s' * (cores != 1)}"
    framework = importlib.import_module(keras.backend.backend())
    label = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}[framework.__name__]
    return f"{where} ({label} {'.'.join(framework.__version__.split('.')[:2])})"
