"""Files from the Hugging Face Hub, by the package huggingface_hub, which is installed with the extra `hub`.

Only two files of a repository are fetched, each after its length was checked. They are kept in the cache of
huggingface_hub and found there again without a connection. NumPy and Keras are not needed.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

from diffnet_tf.files import reading

SCHEME = "hf://"
_PART = r"[A-Za-z0-9][\w.-]{0,95}"
_ADDRESS = re.compile(rf"hf://({_PART}/{_PART})(?:@([A-Za-z0-9][\w./-]{{0,199}}))?", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Repository:
    """A repository on the hub.

    Attributes:
        address: as it was given, hf://USER/NAME or hf://USER/NAME@REVISION.
        name: USER/NAME.
        revision: a branch, a tag or a commit; None for the newest commit.
    """

    address: str
    name: str
    revision: str | None


def repository(address: str) -> Repository:
    """The repository of an address.

    Raises:
        ValueError: if the address has another form.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None or ".." in address:
        raise ValueError(
            f"{address!r:.200} is no address on the hub; expected hf://USER/NAME or hf://USER/NAME@REVISION."
        )
    return Repository(address, parts[1], parts[2])


def fetch(repo: Repository, name: str, most: int) -> tuple[Path, Repository]:
    """Fetch a file, unless it is in the cache.

    Args:
        repo: the repository.
        name: the file in it.
        most: its largest length in bytes.

    Returns:
        Where the file is on this machine; and the repository at the commit that the file is from, to fetch more of it.

    Raises:
        ValueError: if huggingface_hub is not installed, or the file is longer.
        OSError: if the file cannot be fetched.
    """
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{repo.address} needs the package huggingface_hub; install it with pip install 'diffnet_tf[hub]'."
        ) from error

    def download(revision: str | None, **options: Any) -> Any:
        try:
            return huggingface_hub.hf_hub_download(repo.name, name, revision=revision, **options)
        except Exception as error:  # of many kinds: no connection, no such repository or file, no permission
            raise OSError(
                f"{repo.address}: {name} cannot be fetched ({reading.reason(error)}). Check the address and the "
                "connection; a preset is a repository with README.md and weights.npz."
            ) from error

    about = download(repo.revision, dry_run=True)
    if about.file_size is None or about.file_size > most:
        length = "unknown" if about.file_size is None else f"{about.file_size:,} bytes"
        raise ValueError(f"{repo.address}: the length of {name} is {length}; expected at most {most:,} bytes.")
    path = download(about.commit_hash)
    return Path(path), dataclasses.replace(repo, revision=about.commit_hash)
