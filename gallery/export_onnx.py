"""Can I run the network where there is no TensorFlow?

Yes. `model.export` writes an ONNX file, which ONNX Runtime can run from Python, C++, C#, Java and JavaScript. You learn
how to export a preset, how to run the file on an image of any size, and how to check that the output is that of Keras.
It takes a few seconds. It needs three more packages: `pip install onnx onnxruntime tf2onnx`.
"""

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import skimage

import diffnet_tf as dn

model = dn.from_preset("inverse-1pct")
model.export("inverse-1pct.onnx", format="onnx", verbose=False)
session = onnxruntime.InferenceSession("inverse-1pct.onnx", providers=["CPUExecutionProvider"])

photo = skimage.data.coins()[None, ..., None].astype("float32") / 255  # (1, 303, 384, 1)
noise = np.random.default_rng(0).normal(0, 0.01, photo.shape).astype("float32")
diffused = np.asarray(dn.diffusion.perona_malik(photo)) + noise

keras_output = model.predict(diffused, verbose=0)
(onnx_output,) = session.run(None, {"image": diffused})
difference = np.abs(onnx_output - keras_output)
psnr = [float(dn.metrics.psnr(photo, u)[0]) for u in (diffused, keras_output, onnx_output)]
print("diffused {:.2f} dB, restored by Keras {:.2f} dB, by ONNX Runtime {:.2f} dB".format(*psnr))
print(f"largest difference: {difference.max():.1e}")

shown = {f"diffused, {psnr[0]:.1f} dB": diffused, f"ONNX Runtime, {psnr[2]:.1f} dB": onnx_output}
plt.rc("font", size=14)
plt.rc("image", cmap="gray", interpolation="nearest")
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.2), layout="compressed")
for axis, (title, u) in zip(axes, shown.items()):
    axis.imshow(u[0, 70:166, 100:196, 0], vmin=0, vmax=1)
    axis.set_title(title)
drawn = axes[2].imshow(difference[0, 70:166, 100:196, 0], cmap="magma", vmin=0)
axes[2].set_title("|ONNX − Keras|")
figure.colorbar(drawn, ax=axes[2], shrink=0.8)
for axis in axes:
    axis.axis("off")
figure.savefig("export_onnx.png")
