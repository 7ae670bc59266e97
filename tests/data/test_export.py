"""Trained networks leave Keras: SavedModel with the signature that TensorFlow Serving looks for, and ONNX."""

import numpy as np
import pytest

import diffnet_tf as dn
from tests.conftest import mostly_slow, slow, tensorflow_only

pytestmark = tensorflow_only


@pytest.fixture(scope="module")
def model():
    return dn.from_preset("inverse-1pct")


@pytest.fixture(scope="module")
def images():
    """Of another size than the network was trained on."""
    return np.random.default_rng(0).random((2, 41, 60, 1)).astype("float32")


def test_saved_model(model, images, tmp_path):
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    model.export(str(tmp_path), verbose=False)
    expected = np.asarray(model(images))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.serve(images), expected, atol=1e-5)

    proto = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    (graph,) = (g for g in proto.meta_graphs if "serve" in g.meta_info_def.tags)
    signature = graph.signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict"
    assert [d.size for d in signature.inputs["image"].tensor_shape.dim] == [-1, -1, -1, 1]
    served = loaded.signatures["serving_default"](image=tf.constant(images))
    np.testing.assert_allclose(served["output_0"], expected, atol=1e-5)


@slow
def test_onnx(model, images, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX comes with the export extra")
    path = tmp_path / "model.onnx"
    model.export(str(path), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    (output,) = session.run(None, {given.name: images})
    np.testing.assert_allclose(output, np.asarray(model(images)), atol=1e-5)


@pytest.mark.parametrize("dtype", mostly_slow(["float32", "mixed_bfloat16", "mixed_float16"], "mixed_float16"))
def test_compiled_by_xla_and_under_mixed_precision(images, dtype):
    """The narrow estimators cost accuracy, the compiler none to speak of."""
    model = dn.from_preset("inverse-1pct", dtype=dtype)
    plain = np.asarray(model(images))
    model.compile(jit_compile=True)
    np.testing.assert_allclose(model.predict(images, verbose=0), plain, atol=1e-5 if dtype == "float32" else 2e-2)
    exact = np.asarray(dn.from_preset("inverse-1pct")(images))
    assert plain.dtype == np.float32
    assert np.abs(plain - exact).max() < 0.1
