"""Find out which data a folder holds, whether they are complete, and how to use them: for `python -m diffnet_tf data`.

Sizes are always checked. Hashes, which take a minute for gigabytes, are checked on request. They are the published MD5
sums of STL-10 (Coates, Ng & Lee, AISTATS 2011), which detect damage but not forgery.
"""

import dataclasses
import hashlib
import json
import shlex
import tarfile
from collections.abc import Sequence
from pathlib import Path

from diffnet_tf.base.types import PathLike
from diffnet_tf.data.binary import IMAGE_BYTES
from diffnet_tf.data.gray import GRAY_NAME
from diffnet_tf.data.matlab import open_mat
from diffnet_tf.data.sources import BINARY_NAME, IMAGE_SUFFIXES, SIZE, open_images, read_image

ARCHIVE = "stl10_binary.tar.gz"
# Name → (images, MD5).
STL10 = {
    "unlabeled_X.bin": (100_000, "5242ba1fed5e4be9e1e742405eb56ca4"),
    "train_X.bin": (5_000, "918c2871b30a85fa023e0c44e0bee87f"),
    "test_X.bin": (8_000, "7f263ba9f9e0b06b93213547f721ac82"),
}
ARCHIVE_MD5 = "91f7769df0f17e558f3565bffb0c7dfb"
LOOKED_INTO = 64_000_000  # bytes of an archive that are decompressed
LOOKED_AT = 200  # image files of a folder that are opened


@dataclasses.dataclass(frozen=True)
class Finding:
    """A file or folder with data.

    Attributes:
        path: the file or folder.
        what: a description.
        usable: whether an experiment can use it.
        advice: the options that use it, or what to do first.
    """

    path: Path
    what: str
    usable: bool
    advice: str


def recognise(directory: PathLike, check_hashes: bool = False, depth: int = 1) -> list[Finding]:
    """List the data in a folder.

    Args:
        directory: a folder, or one file.
        check_hashes: also compare the MD5 sums of STL-10's files.
        depth: how many levels of subfolders to search if the folder itself holds no data.

    Returns:
        A list of `Finding`; empty if there are no data that this package can use.

    Raises:
        FileNotFoundError: if it does not exist.
    """
    root = Path(directory).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"{root} does not exist; expected a folder (or a file) with images.")
    entries = sorted(root.iterdir()) if root.is_dir() else [root]
    findings = []
    for path in entries:
        if path.name in STL10:
            findings.append(_binary(path, check_hashes))
        elif path.name.endswith((".tar.gz", ".tgz")):
            findings.append(_archive(path, check_hashes))
        elif path.suffix == ".mat":
            findings.append(_mat(path))
        elif path.name == GRAY_NAME:
            findings.append(_checked(path, "npy", "gray images as an array"))
    findings += _prepared(root)
    images = [p for p in entries if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if images:
        findings.append(_images(root, images))
    if not findings and root.is_dir() and depth:
        for path in entries:
            if path.is_dir() and not path.name.startswith("."):
                findings += recognise(path, check_hashes, depth - 1)
    return findings


def _use(source: str, path: Path) -> str:
    return f"--source {source} --data-dir {shlex.quote(str(path))}"


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _binary(path: Path, check_hashes: bool) -> Finding:
    """One of STL-10's binary files, with 96×96×3 bytes for each image."""
    images, md5 = STL10[path.name]
    size, expected = path.stat().st_size, images * IMAGE_BYTES
    number, rest = divmod(size, IMAGE_BYTES)
    if rest or not number:
        wrong = f"{size:,} bytes; expected {expected:,}, or a multiple of {IMAGE_BYTES:,}"
        what = f"in STL-10's binary format, but of a wrong length: {wrong}"
        return Finding(path, what, False, "It is truncated: unpack it again.")
    what = f"{number:,} images in STL-10's binary format"
    if size != expected:
        what += f" (STL-10 itself has {images:,})"
    elif check_hashes and _md5(path) != md5:
        return Finding(path, f"{what}, but its MD5 is not {md5}", False, "It is damaged: download the archive again.")
    else:
        what += ", as many as STL-10 has" + (", MD5 as published" if check_hashes else "")
    papers = path.name == BINARY_NAME
    advice = _use("stl10_binary", path.parent if papers else path)
    return Finding(path, what, True, advice + ("" if papers else f" (the paper used {BINARY_NAME})"))


def _archive(path: Path, check_hashes: bool) -> Finding:
    """STL-10's archive. Only the names and types of its members are checked; nothing is unpacked."""
    if check_hashes and path.name == ARCHIVE and _md5(path) != ARCHIVE_MD5:
        return Finding(path, f"archive, but its MD5 is not {ARCHIVE_MD5}", False, "It is damaged: download it again.")
    try:
        first, unsafe = _members(path)
    except Exception as error:  # every decompressor has its own kinds
        return Finding(path, f"archive that cannot be read ({error})", False, "It is truncated: download it again.")
    if unsafe:
        what = f"archive with {unsafe}, which does not belong to STL-10"
        advice = "Do not unpack it: it could overwrite other files. Download STL-10 again."
        return Finding(path, what, False, advice)
    if Path(first).parts[:1] != ("stl10_binary",):
        return Finding(path, "archive, but not STL-10's", False, "Unpack it and look at the folder that it makes.")
    what = f"STL-10's archive, {path.stat().st_size / 1e9:.1f} GB"
    unpacked = path.parent / "stl10_binary"
    return Finding(
        path, what, False, f"Unpack it: tar -xzf {path} -C {path.parent}; then {_use('stl10_binary', unpacked)}"
    )


def _members(path: Path) -> tuple[str, str]:
    """(name of an archive's first member, description of a member that could write outside its folder, or "").

    Only the first members are checked: the 2.6 GB after them take a minute to decompress.
    """
    first = ""
    with tarfile.open(path) as archive:
        while (member := archive.next()) is not None:
            first = first or member.name
            name = Path(member.name)
            if name.is_absolute() or ".." in name.parts:
                return first, f"the name {member.name!r}"
            if not (member.isreg() or member.isdir()):
                return first, f"a link or device {member.name!r}"
            if member.offset_data + member.size > LOOKED_INTO:
                break
    return first, ""


def _prepared(root: Path) -> list[Finding]:
    """Data sets that TensorFlow Datasets has prepared in a folder."""
    prepared = sorted(root.glob("stl10/*/dataset_info.json")) + sorted(root.glob("dataset_info.json"))
    findings = []
    for path in prepared:
        try:
            info = json.loads(path.read_text())
            number = {s["name"]: sum(map(int, s["shardLengths"])) for s in info["splits"]}.get("unlabelled", 0)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            findings.append(Finding(path, f"data set that cannot be read ({error})", False, "Prepare it again."))
            continue
        if info.get("name") != "stl10" or not number:
            what = f"TensorFlow Datasets' {info.get('name')}"
            findings.append(Finding(path.parent, what, False, "Not STL-10: prepare stl10 with TensorFlow Datasets."))
            continue
        what = f"STL-10 of TensorFlow Datasets, {number:,} unlabelled images of 100,000"
        findings.append(Finding(path.parent, what, True, _use("stl10", root)))
    return findings


def _mat(path: Path) -> Finding:
    """A file of the authors' MATLAB script, with imagesInput and imagesDiff."""
    try:
        with open_mat(path) as (clean, diffused):
            number, size = len(clean), clean.shape[1:]
            both = " with their diffused versions" if diffused is not None else ""
    except ValueError as error:
        return Finding(path, str(error).removeprefix(f"{path} "), False, "Save it from MATLAB with -v7.3.")
    what = f"the authors' MATLAB format, {number:,} images of {size[1]}×{size[0]}{both}"
    return Finding(path, what, True, _use("mat", path) + " (the clean images are diffused again)")


def _checked(path: Path, source: str, what: str) -> Finding:
    try:
        images = open_images(source, path, "all")
    except ValueError as error:
        return Finding(path, str(error).removeprefix(f"{path} "), False, "Write it again with GrayImages.save.")
    number, height, width, _ = images.shape
    return Finding(path, f"{what}, {number:,} of {width}×{height}", True, _use(source, path.parent))


def _images(root: Path, paths: Sequence[Path]) -> Finding:
    """A folder of image files, of which the first are opened."""
    sizes, bad = set(), []
    for path in paths[:LOOKED_AT]:
        try:
            height, width = read_image(path).shape
            sizes.add((width, height))
        except (ValueError, OSError) as error:
            bad.append(str(error))
    looked = f" (the first {LOOKED_AT} opened)" if len(paths) > LOOKED_AT else ""
    spread = ", ".join(f"{w}×{h}" for w, h in sorted(sizes)[:3]) + (", …" if len(sizes) > 3 else "")
    what = f"{len(paths):,} image files{looked}, {spread}"
    if bad:
        return Finding(root, f"{what}; {len(bad)} unreadable", False, bad[0])
    if len(paths) < 2:
        return Finding(root, what, False, "At least 2 are needed: one to train on and one to test on.")
    width, height = min(sizes, key=min)
    if min(width, height) < SIZE:
        return Finding(root, what, False, f"The smallest is {width}×{height}; experiments need at least {SIZE} a side.")
    train = f"diffnet-tf train {shlex.quote(str(root))} --out mine.keras"
    return Finding(root, what, True, f"{_use('folder', root)}\n    or, to train on your own images: {train}")
