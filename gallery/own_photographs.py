"""How do I train a network on a folder of photographs?

Name your folder: `python gallery/own_photographs.py FOLDER`. Without one, the script makes a folder of photographs from
scikit-image. The network learns to undo diffusion in the presence of 2 % noise. You learn how to read images of any
size, keep some of them for the test, train, save the network, and restore a whole photograph.
It takes less than a minute on 2 cores. `diffnet-tf train FOLDER --noise 0.02 --out mine.keras` trains for longer.
"""

import sys
import tempfile

import keras
import matplotlib.pyplot as plt
import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio

import diffnet_tf as dn

NAMES = ("brick", "camera", "chelsea", "coffee", "grass", "gravel", "moon", "retina", "rocket", "astronaut")

with tempfile.TemporaryDirectory() as made:
    folder = sys.argv[1] if len(sys.argv) > 1 else made
    if folder == made:
        for number, name in enumerate(NAMES):
            skimage.io.imsave(f"{made}/{number}_{name}.png", getattr(skimage.data, name)())
    # size=None: any sizes, at their own resolution. The last tenth of the files, by name, is for the test.
    train, test = (dn.data.open_images("folder", folder, split, size=None) for split in ("train", "test"))

keras.utils.set_random_seed(0)
model = dn.models.DiffNet(initial_scale=0.01)
dn.training.fit(model, train, "fast", steps=600, noise=0.02)
model.save("own_photographs.keras")

photo = test.image(0).astype("float32")  # (height, width), gray
photo /= photo.max()
noise = np.random.default_rng(0).normal(0, 0.02, photo.shape).astype("float32")
diffused = np.asarray(dn.diffusion.perona_malik(photo)) + noise
restored = dn.restore(diffused, keras.models.load_model("own_photographs.keras"), white=1.0)
before, after = (peak_signal_noise_ratio(photo, u, data_range=1) for u in (diffused, restored))
height, width = photo.shape
print(f"{len(train)} photographs to train on, {len(test)} for the test; the first of these, {width}×{height} pixels:")
print(f"diffused, with noise: {before:.2f} dB")
print(f"restored:             {after:.2f} dB")

shown = {"original": photo, f"diffused, {before:.1f} dB": diffused, f"restored, {after:.1f} dB": restored}
top, left = (max(0, (side - 140) // 2) for side in photo.shape)
plt.rc("font", size=14)
plt.rc("image", cmap="gray", interpolation="nearest")
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="compressed")
for axis, (title, u) in zip(axes, shown.items()):
    axis.imshow(u[top : top + 140, left : left + 140], vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
figure.savefig("own_photographs.png")
