"""Whether an installed diffnet_tf is all there: run by `make package`, away from the repository, without its sources.

python installed.py DISTRIBUTIONS_FOLDER: what the wheel and the source distribution hold, and what the package does.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np

import diffnet_tf as dn


def check_contents(folder):
    """Weights, their cards and type hints go with the wheel, the licence with both; tests and results do not."""
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    for preset in dn.list_presets():
        assert {f"diffnet_tf/networks/weights/{preset}.npz", f"diffnet_tf/networks/weights/{preset}.json"} <= set(
            names
        ), preset
    assert "diffnet_tf/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"diffnet_tf"}, "only one package, and its metadata"
    assert wheel.stat().st_size < 5e6
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "setup.py", "diffnet_tf/py.typed"} <= names


def check_presets():
    """Each does what it is for: in the environment that has nothing but the package and what it requires."""
    image = dn.data.load_images("skimage", split="test", limit=1)
    diffused = dn.diffusion.perona_malik(image)
    before, after = (float(dn.metrics.psnr(image, u)[0]) for u in (diffused, dn.from_preset("inverse")(diffused)))
    assert after > before + 25, (before, after)


def check_command():
    """`python -m diffnet_tf restore` on a file, and the console script."""
    image = (255 * dn.data.load_images("skimage", split="test", limit=1)[0, ..., 0]).astype("uint8")
    np.save("in.npy", image)
    command = [sys.executable, "-m", "diffnet_tf", "restore", "in.npy", "out.png", "--preset", "inverse-1pct"]
    subprocess.run(command, check=True)
    assert Path("out.png").stat().st_size > 1_000
    script = Path(sys.executable).with_name("diffnet-tf")
    assert "restore" in subprocess.run([script, "--help"], check=True, capture_output=True, text=True).stdout
    done = subprocess.run([script, "verify"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: The ledger is not part of the installed package")


if __name__ == "__main__":
    assert dn.__file__.startswith(sys.prefix), f"{dn.__file__} is not installed in {sys.prefix}"
    assert not Path("setup.py").exists(), "not to be run in the repository"
    check_contents(Path(sys.argv[1]).resolve())
    check_presets()
    check_command()
    print(f"diffnet_tf {dn.__version__} in {os.path.dirname(dn.__file__)} is all there.")
