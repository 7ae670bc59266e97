"""Packaging of diffnet_tf. The ranges of versions are those that were tested."""

from pathlib import Path

from setuptools import find_packages, setup

# Of networks, to ONNX; and to all formats of docs/export.md.
ONNX = ["onnx>=1.19", "onnxruntime>=1.23", "tf2onnx>=1.17"]
EXPORT = [*ONNX, "openvino>=2026.0", "ai-edge-litert>=2.1"]
# What scikit-image's wavelets need: of the experiment `comparison`.
WAVELETS = ["PyWavelets>=1.8,<2"]
# Completion of commands in the shell.
COMPLETION = "argcomplete>=3.2"
# TIFFs that neither tifffile nor Pillow decodes.
CODECS = ["imagecodecs>=2026.1.14"]

setup(
    name="diffnet_tf",
    version="0.2.0",
    description="DiffNet: networks for nonlinear diffusion problems in imaging, in TensorFlow and Keras 3",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    project_urls={"Paper": "https://doi.org/10.1007/s10851-019-00901-3"},
    keywords=["nonlinear diffusion", "Perona-Malik", "inverse problems", "image restoration", "deep learning", "Keras"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["diffnet_tf", "diffnet_tf.*"]),
    package_data={"diffnet_tf": ["networks/weights/*", "evaluation/benchmark/*.json", "py.typed"]},
    entry_points={"console_scripts": ["diffnet-tf = diffnet_tf.__main__:main"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15.1,<4",
        "tensorflow-datasets>=4.9.9,<5",
        "importlib_resources>=6",  # tensorflow-datasets 4.9.10 imports it without requiring it
        "numpy>=2.0,<3",
        "scikit-image>=0.25,<0.27",
        "scipy>=1.14,<2",
        "matplotlib>=3.10,<4",
        "absl-py>=2.1,<3",
    ],
    extras_require={
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.14,<0.18",
            "mypy>=1.18",
            "build>=1.3",
            "tensorboard>=2.19",
            "nbclient>=0.11",
            "nbformat>=5.10",
            "ipykernel>=6.29",
            *ONNX,
            "imageio>=2.35",
            COMPLETION,
            *CODECS,
            *WAVELETS,
        ],
        "codecs": CODECS,
        "hub": ["huggingface_hub>=1.1,<3"],
        "completion": [COMPLETION],
        "jax": ["jax>=0.6"],
        "deepinv": ["deepinv>=0.5,<0.6"],
        "export": EXPORT,
        "comparison": WAVELETS,
        "bm3d": ["bm3d>=4.0.3,<5"],  # of the experiment `denoise`; free for non-commercial use only
        "bench": ["torch>=2.6", "medpy>=0.5", "SimpleITK>=2.4", "opencv-contrib-python-headless>=4.10"],
        "docs": [
            "mkdocs>=1.6,<2",
            "mkdocs-material>=9.7,<10",
            "mkdocstrings[python]>=1.0,<2",
            "mkdocs-jupyter>=0.26,<1",
            "ruff>=0.14,<0.18",  # breaks long signatures into lines
        ],
        "tensorboard": ["tensorboard>=2.19"],
    },
)
