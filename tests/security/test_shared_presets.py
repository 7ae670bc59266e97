"""Presets of strangers: their files are text and arrays, whatever is in them. Nothing runs, nothing grows, nothing else
is read or written."""

import hashlib
import json
import os
import time
import zipfile

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.files import model_card, reading
from tests.conftest import tensorflow_only
from tests.security.test_files import Harm

pytestmark = tensorflow_only
CARD = {"description": "It sharpens.", "author": "Eve", "license": "mit", "data": "None.", "limits": "All."}


@pytest.fixture
def shared(tmp_path, network):
    """A folder with a preset, as if it came from a stranger."""
    dn.save_to_preset(network, tmp_path / "shared", CARD)
    return tmp_path / "shared"


def recorded(folder, change):
    """Change the record of a card: a function gets the dict."""
    head, _, rest = (folder / "README.md").read_text().partition("```json\n")
    values, _, tail = rest.partition("\n```")
    values = json.loads(values)
    change(values)
    (folder / "README.md").write_text(f"{head}```json\n{json.dumps(values)}\n```{tail}")


def resealed(folder, arrays):
    """Give a preset other arrays, with the right hash."""
    np.savez(folder / "weights.npz", **arrays)
    seal = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    recorded(folder, lambda values: values.update(sha256=seal))


def weights(folder):
    with np.load(folder / "weights.npz") as arrays:
        return dict(arrays)


def test_the_helpers_leave_a_preset_that_loads(shared):
    """Else the tests below would show nothing."""
    resealed(shared, weights(shared))
    assert dn.from_preset(shared).count_params() > 0


def test_weights_are_not_unpickled(shared, canary):
    resealed(shared, {**weights(shared), "diffusion1/time_step": np.array([Harm(canary)], dtype=object)})
    with pytest.raises(ValueError, match="weights.npz cannot be read as arrays .*allow_pickle=False"):
        dn.from_preset(shared)


def test_yaml_is_not_evaluated(shared, canary):
    text = (shared / "README.md").read_text()
    harm = f"!!python/object/apply:os.system ['echo harmed > {canary}']"
    for line in (f"more: {harm}\nlicense: mit", f"license: {harm}", f"license: &a [*a, *a]\nbomb: {'[' * 9999}"):
        (shared / "README.md").write_text(text.replace("license: mit", line))
        if line.startswith("license"):
            with pytest.raises(ValueError, match="README.md has the license .*expected a name such as"):
                dn.from_preset(shared)
        else:
            assert dn.from_preset(shared).count_params() > 0


TNRD = {
    "class": "ReactionDiffusionNet",
    **{"stages": 1, "size": 7, "filters": None, "centres": 63, "gamma": 0.04, "initial_reaction": 0.1},
}
NETWORKS = [
    ({"class": "os.system"}, "has a network of class 'os.system'; expected one of DiffNet"),
    ({"class": ["DiffNet"]}, r"has a network of class \['DiffNet'\]"),
    ({"class": "ImageModel"}, "has a network of class 'ImageModel'"),
    ({"module": "os"}, "has a network with 'module'; expected num_layers"),
    ({"dtype": "float16"}, "has a network with 'dtype'; expected num_layers"),
    (
        {"class": "LinearDiffNet", "filters_initializer": {"class_name": "Lambda"}},
        "has a network with 'estimator_depth'",
    ),
    ({"num_layers": 10**6}, "describes 2,000,000 layers; expected at most 1,000"),
    ({"num_layers": 1000, "estimator_depth": 1}, "describes 51,000 parameters, more than its weights"),
    ({"width": 10**9}, "describes 5.*parameters; expected at most 536,870,912"),
    ({"width": 10**4200}, "cannot be read as a model card"),
    ({"channels": 10**4, "mixing": True}, "parameters; expected at most 536,870,912"),
    ({"channels": 3, "mixing": "yes"}, "cannot be read as a model card .*mixing='yes' is a str"),
    ({"num_layers": True}, "cannot be read as a model card .*num_layers=True is a bool"),
    ({"num_layers": 2.0}, "cannot be read as a model card .*num_layers=2.0 is a float"),
    ({"points": 7}, "cannot be read as a model card .*points=7"),
    ({"initial_scale": 1e308}, "cannot be read as a model card"),
    ({"boundary": "open"}, "cannot be read as a model card .*boundary='open'"),
]


@pytest.mark.parametrize(("change", "message"), NETWORKS)
def test_networks_that_are_none_or_too_large(shared, change, message):
    recorded(shared, lambda values: values["network"].update(change))
    began = time.process_time()
    with pytest.raises(ValueError, match=f"README.md .*{message}"):
        dn.from_preset(shared)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"class": "UNet", "widths": [1] * 40}, "expected a list of 1 to 10 numbers"),
        ({"class": "UNet", "widths": "1111"}, "expected a list of 1 to 10 numbers"),
        ({"class": "UNet", "widths": [[1]]}, r"widths=\[1\] is a list"),
        ({"class": "UNet", "widths": [10**6]}, "parameters; expected at most"),
        ({"class": "LinearDiffNet", "image_shape": [10**6, 10**6], "num_layers": 1, "generalised": True}, "at most"),
        ({"class": "LinearDiffNet", "image_shape": [9], "num_layers": 1, "generalised": True}, "cannot be read"),
        ({"class": "LinearDiffNet", "image_shape": [9, 9], "num_layers": 1}, "cannot be read .*generalised"),
        ({"class": "ConvNet", "depth": 10**9, "width": 1}, "layers; expected at most"),
        ({"class": "ResNet", "blocks": -1, "width": 1}, "blocks=-1"),
        ({**TNRD, "size": 10**5, "filters": 1}, "size=100,000; expected at most 31"),
        ({**TNRD, "stages": 10**5}, "layers; expected at most"),
        ({**TNRD, "filters": 1, "centres": 10**5}, "layers; expected at most"),
        ({}, "cannot be read as a model card .*num_layers"),
    ],
)
def test_other_networks_that_are_none_or_too_large(shared, described, message):
    recorded(shared, lambda values: values.update(network=described))
    with pytest.raises(ValueError, match=f"README.md .*{message}"):
        dn.from_preset(shared)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": 3}, "has no network that is a dict"),
        ({"sha256": 3}, "has no sha256 that is a str"),
        ({"sha256": "0" * 64}, "weights.npz has SHA-256 .*; expected 0000"),
        ({"sha256": "../../etc/passwd"}, "weights.npz has SHA-256"),
        ({"noise": [0, 5]}, r"has noise=\[0, 5\]; expected σ"),
        ({"noise": True}, "has noise=True; expected σ"),
        ({"noise": "0.1"}, "has noise='0.1'; expected σ"),
        ({"noise": [0, 10**400]}, "has noise=.*expected σ"),
        ({"images": {"kind": 3}}, "has images="),
        ({"images": {"kind": "cells", "between": "half"}}, "has images="),
        ({"quality": []}, "has quality="),
        ({"limits": "None."}, "has 'limits' in its record; expected it in the text"),
        ({"name": "inverse"}, "has 'name' in its record"),
        ({"more": "\x1b[2J"}, "holds .* with control characters"),
        ({"more\x07": 1}, "holds .* with control characters"),
        ({"more": json.loads("[" * 15 + "]" * 15)}, "nested more than 12 deep"),
    ],
)
def test_values_that_are_none(shared, values, message):
    recorded(shared, lambda record: record.update(values))
    with pytest.raises(ValueError, match=message):
        dn.from_preset(shared)


RECORD = '"noise": 0'


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"network": {}, "network": {}}', "holds 'network' twice; expected each name once"),
        ('{"a": NaN}', "holds the number NaN; expected finite numbers"),
        ('{"a": -Infinity}', "holds the number -Infinity"),
        ('{"a": 1e999}', "holds the number 1e999"),
        ('{"a": ' + "9" * 5000 + "}", "cannot be read as a model card .*digits"),
        ("[" * 100_000, "cannot be read as a model card .*recursion"),
        ("[]", "has a list as its record"),
        ("{}", "has no network that is a dict"),
        ("", "cannot be read as a model card"),
        ('{}\n```\n\n```json\n{"network": {}}', "has no single block"),
    ],
)
def test_records_that_are_none(shared, record, message):
    head, _, _ = (shared / "README.md").read_text().partition("```json\n")
    (shared / "README.md").write_text(f"{head}```json\n{record}\n```\n")
    with pytest.raises(ValueError, match=f"README.md .*{message}"):
        dn.presets.card(shared)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "\n## Record\n\n```json\n{}\n```\n", "has two sections 'Record'"),
        (lambda text: text + "\n## Limits\n\nNo limits at all.\n", "has two sections 'Limits'"),
        (lambda text: text.replace("license: mit", "license: mit\nlicense: gpl"), "names a license twice"),
        (lambda text: text.partition("---\n\n")[0], "has front matter without an end"),
        (lambda text: text.replace("# shared\n", "# \n"), "has no title"),
        (lambda text: text.replace("# shared\n", f"# {'a' * 200}\n"), "has no title"),
        (lambda text: text.replace("## Record", "## Records"), "has no section 'Record'"),
        (lambda text: text.replace("It sharpens", "It \x1b]0;harm\x07"), "with control characters"),
        (lambda text: "", "has no title"),
        (lambda text: text + "x" * 2**20, "has 1,0.* bytes; expected at most 1,048,576"),
    ],
)
def test_cards_that_are_none(shared, change, message):
    (shared / "README.md").write_text(change((shared / "README.md").read_text()))
    with pytest.raises(ValueError, match=f"README.md .*{message}"):
        dn.presets.card(shared)


def test_a_card_of_other_bytes(shared):
    (shared / "README.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="README.md cannot be read as a model card .*codec"):
        dn.presets.card(shared)


def test_a_long_card_is_read_in_a_moment():
    """Whatever fills it: many headings, keys or fences."""
    for part in (b"## a\n", b"```json\n", b"---\n", b"# a\n", b"license:\n", b"\n"):
        began = time.process_time()
        with pytest.raises((reading.Refused, ValueError)):
            model_card.read((b"# a\n" + part * (model_card.LARGEST // len(part)))[: model_card.LARGEST])
        assert time.process_time() - began < 3


def test_pipes_devices_and_folders_are_not_opened(shared):
    for name in ("README.md", "weights.npz"):
        content = (shared / name).read_bytes()
        for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()):
            (shared / name).unlink()
            make(shared / name)
            with pytest.raises(ValueError, match=f"{name} is not a regular file: copy or download"):
                dn.from_preset(shared)
            (shared / name).rmdir() if (shared / name).is_dir() else (shared / name).unlink()
            (shared / name).write_bytes(content)


def test_a_link_to_another_file_shows_nothing_of_it(shared, tmp_path):
    (tmp_path / "secret").write_text("password\n")
    for name in ("README.md", "weights.npz"):
        content = (shared / name).read_bytes()
        (shared / name).unlink()
        (shared / name).symlink_to(tmp_path / "secret")
        with pytest.raises(ValueError, match=name) as refused:
            dn.from_preset(shared)
        assert "password" not in str(refused.value)
        (shared / name).unlink()
        (shared / name).write_bytes(content)


def test_weights_that_are_far_too_long_are_not_read(shared):
    with open(shared / "weights.npz", "r+b") as file:
        file.truncate(2**40)  # a file of holes, which takes no space
    with pytest.raises(ValueError, match="weights.npz has 1,099,511,627,776 bytes; expected at most 16,"):
        dn.from_preset(shared)


def test_packed_weights_do_not_grow(shared):
    """32 MiB of zeros: short in the file, and far more than the network has parameters."""
    with zipfile.ZipFile(shared / "weights.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(2**25))
    seal = hashlib.sha256((shared / "weights.npz").read_bytes()).hexdigest()
    recorded(shared, lambda values: values.update(sha256=seal))
    with pytest.raises(ValueError, match="weights.npz says that it holds 33,.* bytes; expected no more than"):
        dn.from_preset(shared)


def test_weights_with_nan_are_refused(shared):
    arrays = weights(shared)
    arrays["diffusion1/conv1/bias"][0] = np.nan
    resealed(shared, arrays)
    with pytest.raises(ValueError, match="weights.npz: diffusion1/conv1/bias hold 1 .* NaN"):
        dn.from_preset(shared)


def test_commands_refuse_in_one_line(shared, tmp_path, capsys):
    recorded(shared, lambda values: values["network"].update(num_layers=10**9))
    np.save(tmp_path / "in.npy", np.ones((8, 8), "float32"))
    for command in (
        ["restore", tmp_path / "in.npy", tmp_path / "out.npy", "--preset", shared],
        ["inspect", tmp_path / "in.npy", "--preset", shared],
    ):
        assert main([str(argument) for argument in command]) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
        assert "README.md describes 2,000,000,000 layers" in line
    (shared / "README.md").write_text("# A project\n")
    assert main(["presets", str(shared)]) == 2
    assert "README.md has no section 'Record'; expected a model card of diffnet_tf" in capsys.readouterr().err
