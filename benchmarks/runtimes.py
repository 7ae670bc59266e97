"""Runtimes for exported networks: each function returns a function of images (n, height, width, 1), see docs/export.md.

The extra `export` installs the packages.
"""

import numpy as np


def saved_model(path):
    """Run the network in TensorFlow."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # has to live as long as its function
    return lambda images: np.asarray(loaded.serve(images))


def onnx_runtime(path):
    """Run the network in ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {session.get_inputs()[0].name: images})[0]


def litert(path):
    """Run the network in LiteRT, which needs the shape of the images before each call."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    (given,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(images):
        interpreter.resize_tensor_input(given["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return run


def openvino(path, **hints):
    """Run the network in OpenVINO, in the precision that it chooses."""
    import openvino

    compiled = openvino.Core().compile_model(str(path), "CPU", hints)
    return lambda images: compiled(images)[0]


def openvino_float32(path):
    """Run the network in OpenVINO, in float32."""
    return openvino(path, INFERENCE_PRECISION_HINT="f32")


# Keras's name of a format → suffix, package that it takes, runtime.
FORMATS = {
    "tf_saved_model": ("", "tensorflow", saved_model),
    "onnx": (".onnx", "onnxruntime", onnx_runtime),
    "litert": (".tflite", "ai_edge_litert", litert),
    "openvino": (".xml", "openvino", openvino_float32),
}
