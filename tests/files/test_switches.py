"""Settings of other libraries that are changed while an image is read, in threads, too."""

import logging
import threading
import types

import numpy as np
import PIL.Image
import pytest
import tifffile

from diffnet_tf.files import image_files
from diffnet_tf.files.images import switches


def test_a_setting_is_what_it_was_when_the_last_has_ended():
    owner = types.SimpleNamespace(state="before")
    first, second = switches.held(owner, "state", None), switches.held(owner, "state", None)
    with first:
        second.__enter__()
        assert owner.state is None
    assert owner.state is None  # the second began within the first, and ends after it
    second.__exit__(None, None, None)
    assert owner.state == "before"
    with pytest.raises(KeyError), switches.held(owner, "state", 1):
        raise KeyError
    assert owner.state == "before" and not switches._HELD


def test_reading_in_threads_leaves_the_settings_of_other_libraries(tmp_path, monkeypatch):
    """The second reading begins within the first, and ends after it."""
    tifffile.imwrite(tmp_path / "0.tif", np.zeros((30, 30), "uint8"))
    PIL.Image.fromarray(np.zeros((30, 30), "uint8")).save(tmp_path / "0.png")
    logger, limit = logging.getLogger("tifffile"), PIL.Image.MAX_IMAGE_PIXELS
    for name, module, function in (("0.tif", tifffile, "TiffFile"), ("0.png", PIL.Image, "open")):
        opened, begun, ended = getattr(module, function), threading.Event(), threading.Event()
        other = threading.Thread(target=image_files.read, args=(tmp_path / name,))

        def overlapping(*given, opened=opened, other=other, begun=begun, ended=ended, **options):
            if threading.current_thread() is other:
                begun.set()
                ended.wait(10)
            else:
                other.start()
                begun.wait(10)
            return opened(*given, **options)

        with monkeypatch.context() as patch:
            patch.setattr(module, function, overlapping)
            image_files.read(tmp_path / name)
            ended.set()
            other.join()
    assert not logger.disabled
    assert limit == PIL.Image.MAX_IMAGE_PIXELS
