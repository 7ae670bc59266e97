"""What did the network learn, and what does noise change?

Each layer of a DiffNet estimates a stencil for every pixel: five weights, for the pixel and its four neighbours. The
stencil splits into a mean-free part, which differentiates, and the sum of its weights, which smooths. You learn how to
look at both, and that a network for noisy images smooths along edges, as one would by hand. It takes some seconds.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage

import diffnet_tf as dn

photo = skimage.data.camera()[60:252, 140:332, None].astype("float32")[None] / 255  # (1, 192, 192, 1)
diffused = np.asarray(dn.diffusion.perona_malik(photo))
noisy = diffused + np.random.default_rng(0).normal(0, 0.01, diffused.shape).astype("float32")

rows = {"no noise": ("inverse", diffused), "1 % noise": ("inverse-1pct", noisy)}
plt.rc("font", size=14)
figure, axes = plt.subplots(2, 5, figsize=(13, 5.6), layout="constrained")
for row, (title, (name, u)) in zip(axes, rows.items()):
    model = dn.from_preset(name)
    for layer, (axis, dt, filters) in enumerate(zip(row, model.time_steps, model.filters(u)), 1):
        mean_free, smoothing = dn.stencil.split(dt * np.asarray(filters))
        sizes = [float(np.abs(part).mean()) for part in (mean_free, smoothing)]
        print(title, layer, sizes)
        s = np.asarray(smoothing)[0, ..., 0]
        sc = np.quantile(np.abs(s), .99)
        axis.imshow(s, cmap="RdBu_r", vmin=-sc, vmax=sc); axis.set_title(f"{sc:.3f}"); axis.axis("off")
figure.savefig("stencils_of_a_photograph.png")
figure, axes = plt.subplots(2, 5, figsize=(13, 5.6), layout="constrained")
for row, (title, (name, u)) in zip(axes, rows.items()):
    model = dn.from_preset(name)
    for layer, (axis, dt, filters) in enumerate(zip(row, model.time_steps, model.filters(u)), 1):
        s = dt*np.asarray(filters)[0, ..., 0]
        sc = np.quantile(np.abs(s), .99)
        axis.imshow(s, cmap="RdBu_r", vmin=-sc, vmax=sc); axis.set_title(f"{sc:.3f}"); axis.axis("off")
figure.savefig("centre.png")
