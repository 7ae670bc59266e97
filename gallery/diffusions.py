"""Which diffusion should I take?

Four diffusions smooth the same noisy photograph without a network. You learn what each one does to noise, edges and
lines, and how to compare them. The original is known here, so the PSNR shows how close each result comes.
It takes seconds.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import diffnet_tf as dn

image = (data.camera()[96:224, 176:304] / 255).astype("float32")
noisy = image + np.random.default_rng(0).normal(0, 0.1, image.shape).astype("float32")
results = {
    "noisy": noisy,
    "isotropic": dn.diffusion.isotropic(noisy, time=1.0, steps=1, method="fourier"),
    "Perona–Malik": dn.diffusion.perona_malik(noisy, 3, 1.0, 0.05, method="rkl2", scheme="symmetric", sigma=1.0),
    "edge-enhancing": dn.diffusion.edge_enhancing(noisy, steps=15, dt=0.2, contrast=0.04, sigma=1.5),
    "coherence-enhancing": dn.diffusion.coherence_enhancing(noisy, steps=25, dt=0.2, contrast=0.03, sigma=1.0, rho=2.0),
}

plt.rc("font", size=12)
plt.rc("image", cmap="gray", interpolation="nearest")
figure, axes = plt.subplots(1, 5, figsize=(13, 3.1), layout="compressed")
for axis, (name, u) in zip(axes, results.items()):
    quality = float(dn.metrics.psnr(image[None, ..., None], np.asarray(u)[None, ..., None])[0])
    print(f"{name}: {quality:.2f} dB")
    axis.imshow(u, vmin=0, vmax=1)
    axis.set_title(f"{name}\n{quality:.1f} dB")
    axis.axis("off")
figure.savefig("diffusions.png")
