"""How do I apply a trained network to a photograph?

A *preset* is a trained network that comes with the package. This one undoes four steps of Perona–Malik diffusion when
the diffused image has 1 % noise. You learn how to list the presets, how to read what one of them reaches, and how to
apply it to a photograph of any size. It takes a few seconds. Do not expect as much for an ordinary photograph: a preset
undoes the diffusion that it was trained on. If an image was not diffused, the preset only sharpens it.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio

import diffnet_tf as dn

photo = skimage.data.camera().astype("float32") / 255  # (512, 512) in [0, 1]
noise = np.random.default_rng(0).normal(0, 0.01, photo.shape).astype("float32")
diffused = np.asarray(dn.diffusion.perona_malik(photo)) + noise

print("presets:", ", ".join(dn.list_presets()))
model = dn.from_preset("inverse-1pct")
start = time.perf_counter()
restored = dn.restore(diffused, model, white=1.0)  # white: what was 1 before the noise
seconds = time.perf_counter() - start

before, after = (peak_signal_noise_ratio(photo, u, data_range=1) for u in (diffused, restored))
promised = dn.presets.card("inverse-1pct")["quality"]["output"]["mean"]
print(f"diffused, with noise: {before:.2f} dB")
print(f"restored:             {after:.2f} dB, in {seconds:.1f} s; its card says {promised:.2f} dB")

shown = {"original": photo, f"diffused, {before:.1f} dB": diffused, f"restored, {after:.1f} dB": restored}
plt.rc("font", size=14)
plt.rc("image", cmap="gray", interpolation="nearest")
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="compressed")
for axis, (title, u) in zip(axes, shown.items()):
    axis.imshow(u[100:212, 200:312], vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
figure.savefig("pretrained.png")
