"""Exports keep their quality in every runtime, and on devices that narrow float32; quantizing is refused."""

import re

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from benchmarks import runtimes
from benchmarks.runtimes import FORMATS
from experiments.lib import narrow
from tests.conftest import ROOT, mostly_slow, run_python, slow, tensorflow_only

MISSING = "comes with the export extra"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(preset, format) → the file, written once."""
    written = {}

    def path(preset, kind):
        if (preset, kind) not in written:
            suffix, package, _ = FORMATS[kind]
            pytest.importorskip(package, reason=MISSING)
            file = tmp_path_factory.mktemp(kind) / f"{preset}{suffix}"
            dn.from_preset(preset).export(file, kind, verbose=False)
            written[preset, kind] = file
        return written[preset, kind]

    return path


def pairs(preset):
    problem = "forward" if preset == "forward" else "inverse"
    return dn.data.paired_arrays(dn.data.load_images("skimage", split="test"), problem=problem)


def mean_psnr(targets, outputs):
    return float(np.mean(dn.metrics.psnr(targets, outputs)))


@slow
@tensorflow_only
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("preset", ["forward", "inverse"])
def test_it_keeps_its_quality(preset, kind, exported):
    """All that an export and its runtime may cost is 0.01 dB."""
    inputs, targets = pairs(preset)
    expected = mean_psnr(targets, dn.from_preset(preset).predict(inputs, verbose=0))
    found = mean_psnr(targets, FORMATS[kind][2](exported(preset, kind))(inputs))
    assert abs(found - expected) < 0.01


@slow
@tensorflow_only
@pytest.mark.parametrize("kind", FORMATS)
def test_it_takes_any_number_and_size_of_images(kind, exported):
    run, model = FORMATS[kind][2](exported("inverse", kind)), dn.from_preset("inverse")
    for shape in ((2, 41, 60, 1), (1, 3, 97, 1), (3, 64, 64, 1)):
        images = np.random.default_rng(0).random(shape).astype("float32")
        np.testing.assert_allclose(run(images), np.asarray(model(images)), atol=1e-5)


@slow
@tensorflow_only
@pytest.mark.parametrize("preset", ["forward", "inverse"])
def test_what_openvino_costs_where_it_chooses_the_precision(preset, exported, record_property):
    """It takes bfloat16 on processors that have it. That is no fault of the network, so it is reported only."""
    inputs, targets = pairs(preset)
    run = runtimes.openvino(exported(preset, "openvino"))
    found = mean_psnr(targets, run(inputs))
    record_property("psnr", found)
    print(f"OpenVINO's default precision, {preset}: {found:.2f} dB")
    assert found > 25


@tensorflow_only
def test_it_is_traced_for_a_device_that_narrows_float32(tmp_path):
    """Every estimator splits the image and the last kernel: on a processor nothing else would round."""
    from tensorflow.core.protobuf import saved_model_pb2

    dn.models.DiffNet(2, 3, 4).export(tmp_path, verbose=False)
    proto = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    functions = proto.meta_graphs[0].graph_def.library.function
    assert max(sum(node.op == "Round" for node in function.node_def) for function in functions) == 4


@slow
@tensorflow_only
def test_in_tf32_it_keeps_its_quality(tmp_path):
    """In TF32, without the export's own protection, the network would lose more than 5 dB."""
    inputs, targets = pairs("inverse")
    inputs, targets = inputs[:4], targets[:4]
    model = dn.from_preset("inverse")
    exact = mean_psnr(targets, np.asarray(model(inputs)))
    with narrow.device("TF32", guarded=False):
        unprotected = mean_psnr(targets, np.asarray(model(inputs)))
        model.export(tmp_path, verbose=False)
    found = mean_psnr(targets, runtimes.saved_model(tmp_path)(inputs))
    assert unprotected < exact - 5 and found > exact - 0.2, (exact, unprotected, found)


KINDS = {
    "noise map": (lambda: dn.models.DiffNet(2, 2, 4, noise_map=True), (2, 9, 8, 2)),
    "colour": (lambda: dn.models.DiffNet(2, 2, 4, channels=3, mixing=True), (2, 9, 8, 3)),
    "one size": (lambda: dn.models.LinearDiffNet((9, 8), 2, filters_initializer="uniform"), (2, 9, 8, 1)),
    "convolutions": (lambda: dn.models.ConvNet(depth=3), (2, 9, 8, 1)),
    "float64": (lambda: dn.models.DiffNet(2, 2, 4, dtype="float64"), (2, 9, 8, 1)),
}


@tensorflow_only
@pytest.mark.parametrize("kind", mostly_slow(KINDS, "noise map", "convolutions"))
def test_every_kind_of_network_can_be_exported(kind, tmp_path):
    """From a model that was never called, too."""
    make, shape = KINDS[kind]
    model = make()
    model.export(tmp_path, verbose=False)
    images = np.random.default_rng(0).random(shape).astype(model.inputs[0].dtype)
    np.testing.assert_allclose(runtimes.saved_model(tmp_path)(images), np.asarray(model(images)), atol=1e-5)


@pytest.mark.parametrize("make", [dn.models.DiffNet, dn.models.ConvNet, lambda: dn.models.LinearDiffNet((8, 8))])
def test_a_model_refuses_to_be_quantized(make):
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"quantize\('int8'\) is not supported.* precision='bfloat16'\)"):
        model.quantize("int8")
    with pytest.raises(ValueError, match=r"quantize\('int4'\) is not"):
        model.quantize(config=keras.quantizers.Int4QuantizationConfig())
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize("make", [dn.layers.DiffusionLayer, dn.layers.FilterEstimator])
def test_a_layer_refuses_to_be_quantized(make):
    layer = make()
    layer.build((None, 8, 8, 1))
    with pytest.raises(ValueError, match=rf"{make.__name__}.quantize\('int8'\) is not supported"):
        layer.quantize("int8")


@slow
@tensorflow_only
def test_the_code_of_the_page_runs(tmp_path):
    """Every block of docs/export.md, by itself."""
    for package in ("onnxruntime", "ai_edge_litert", "openvino"):
        pytest.importorskip(package, reason=MISSING)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL)
    assert len(blocks) == len(FORMATS)
    check = "assert found['outputs'].shape[1:] == (96, 96, 1)"
    code = "\n".join(f"exec({block!r}, found := {{}}); {check}" for block in blocks)
    run_python(f"import os, sys; sys.path.insert(0, os.getcwd()); os.chdir({str(tmp_path)!r})\n{code}")
