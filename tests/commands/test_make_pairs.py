"""Pairs in files are those of training, and whole."""

import zipfile

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from tests.conftest import tensorflow_only

OPTIONS = {"noise": 0.01, "crop": 40, "augment": True, "epochs": 3, "seed": 7}


@pytest.fixture(scope="module")
def expected(photographs):
    sequence = dn.data.PairSequence(photographs, batch_size=5, shuffle=False, **OPTIONS)
    return [np.concatenate(part) for part in zip(*(sequence[i] for i in range(len(sequence))))]


def test_npz(tmp_path, photographs, expected):
    assert dn.data.make_pairs(photographs, tmp_path / "pairs.npz", **OPTIONS) == 24
    with np.load(tmp_path / "pairs.npz", allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["input"], expected[0], atol=1e-6)
        np.testing.assert_array_equal(arrays["target"], expected[1])
    with zipfile.ZipFile(tmp_path / "pairs.npz") as archive:
        assert archive.testzip() is None


def test_noise_is_a_number_or_a_fraction(tmp_path, capsys):
    command = ["make-pairs", "--limit", "4", "--problem", "denoise", "--noise"]
    for text in ("25/255", str(25 / 255)):
        assert main([*command, text, str(tmp_path / f"{text[:2]}.npz")]) == 0
    with np.load(tmp_path / "25.npz") as one, np.load(tmp_path / "0..npz") as other:
        np.testing.assert_array_equal(one["input"], other["input"])
        assert np.std(one["input"] - one["target"]) == pytest.approx(25 / 255, rel=0.05)
    assert main([*command, "25/0", str(tmp_path / "no.npz")]) == 2
    assert "'25/0'; expected a number or a fraction such as 25/255" in capsys.readouterr().err


@tensorflow_only
def test_tfrecord(tmp_path, photographs, expected):
    import tensorflow as tf

    dn.data.make_pairs(photographs, tmp_path / "pairs.tfrecord", **OPTIONS)
    fields = {"input": tf.io.FixedLenFeature([], tf.string), "target": tf.io.FixedLenFeature([], tf.string)}
    fields["shape"] = tf.io.FixedLenFeature([3], tf.int64)
    found = [tf.io.parse_single_example(r, fields) for r in tf.data.TFRecordDataset(str(tmp_path / "pairs.tfrecord"))]
    for name, wanted in zip(("input", "target"), expected):
        arrays = [tf.reshape(tf.io.decode_raw(f[name], tf.float32), f["shape"]) for f in found]
        np.testing.assert_allclose(np.stack(arrays), wanted, atol=1e-6)


def test_the_command(tmp_path, capsys):
    path = str(tmp_path / "pairs.npz")
    assert main(["make_pairs", path, "--limit", "4", "--problem", "forward"]) == 0
    device, line = capsys.readouterr().out.splitlines()
    assert device.startswith("Device: ") and line == f"{path}: 4 pairs"
    images = dn.data.load_images("skimage", limit=4)
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["input"], images)
        np.testing.assert_allclose(arrays["target"], np.asarray(dn.diffusion.perona_malik(images)), atol=1e-6)


def test_a_failure_leaves_nothing(tmp_path, photographs):
    def fail(images):
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        dn.data.make_pairs(photographs, tmp_path / "pairs.npz", degrade=fail)
    assert not list(tmp_path.iterdir())


def test_what_is_refused(tmp_path, photographs, capsys):
    (tmp_path / "pairs.npz").write_text("precious")
    with pytest.raises(FileExistsError, match="pairs.npz exists; give another name"):
        dn.data.make_pairs(photographs, tmp_path / "pairs.npz")
    assert (tmp_path / "pairs.npz").read_text() == "precious"
    assert main(["make-pairs", str(tmp_path / "pairs.npz"), "--limit", "2"]) == 2
    assert "pairs.npz exists; give another name, or --force to replace it" in capsys.readouterr().err
    assert main(["make-pairs", str(tmp_path / "pairs.npz"), "--limit", "2", "--force"]) == 0
    with np.load(tmp_path / "pairs.npz") as arrays:
        assert arrays["input"].shape == (2, 96, 96, 1)
    assert dn.data.make_pairs(photographs, tmp_path / "pairs.npz", force=True) == 8
    assert main(["make_pairs", str(tmp_path / "pairs.csv")]) == 2
    assert "suffix='.csv'; expected one of '.npz', '.tfrecord'" in capsys.readouterr().err
