"""How do I undo what my own instrument does?

You write what the instrument does as a Python function, with NumPy and SciPy, and train a network to undo it. Here, a
camera moves while its shutter is open, its sensor saturates, and there is 1 % noise. You learn how `degrade` works, and
that one small network can undo a blur and a nonlinear response together.
It takes half a minute on 2 cores.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

import diffnet_tf as dn


def camera(images):
    """What the camera makes of images (n, height, width, 1) in [0, 1]: motion over 3 pixels, then saturation."""
    kernel = np.eye(3).reshape(1, 3, 3, 1) / 3
    moved = ndimage.convolve(np.asarray(images), kernel, mode="nearest")
    return (1 - np.exp(-1.5 * moved)) / (1 - np.exp(-1.5))


images = dn.data.load_images("skimage", split="train")  # or your own: float32 (n, height, width, 1) in [0, 1]
keras.utils.set_random_seed(0)
model = dn.models.DiffNet(initial_scale=0.01)  # 0.01: the untrained network changes almost nothing
dn.training.fit(model, images, "fast", steps=600, noise=0.01, degrade=camera)

# Photographs that the network has not seen. `paired_arrays` makes pairs in the same way as the training does.
inputs, targets = dn.data.paired_arrays("skimage", split="test", noise=0.01, degrade=camera)
outputs = model.predict(inputs, verbose=0)
before, after = (np.asarray(dn.metrics.psnr(targets, u)) for u in (inputs, outputs))
print(f"camera:   {before.mean():.2f} dB, mean over {len(targets)} test images")
print(f"restored: {after.mean():.2f} dB")

cup = 8
shown = {"original": targets, f"camera, {before[cup]:.1f} dB": inputs, f"restored, {after[cup]:.1f} dB": outputs}
plt.rc("font", size=14)
plt.rc("image", cmap="gray", interpolation="nearest")
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="compressed")
for axis, (title, u) in zip(axes, shown.items()):
    axis.imshow(u[cup, ..., 0], vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
figure.savefig("own_physics.png")
