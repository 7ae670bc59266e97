"""What has a network learned, and what does noise change?

Each layer of a DiffNet estimates a stencil for every pixel: one weight for the pixel itself, the centre, and four for
its neighbours. The stencil splits into a mean-free part, which differentiates, and a smoothing part. You learn how to
look at both. The centre weights show the edges: diffusion is slow there, so there is less to undo. Of two networks,
each on images like those it was trained on, the one for noisy images has the larger smoothing part, as in Figure 11
of the paper. It takes a few seconds.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage

import diffnet_tf as dn

photo = skimage.data.camera()[None, 104:192, 204:292, None].astype("float32") / 255  # (1, 88, 88, 1)
diffused = np.asarray(dn.diffusion.perona_malik(photo))
noisy = diffused + np.random.default_rng(0).normal(0, 0.01, diffused.shape).astype("float32")

plt.rc("font", size=12)
plt.rc("image", cmap="gray", interpolation="nearest")
figure, axes = plt.subplots(2, 4, figsize=(9.2, 6.2), layout="compressed")
inputs = {"no noise": diffused, "1 % noise": noisy}
for row, name, (seen, u) in zip(axes, ("inverse", "inverse-1pct"), inputs.items()):
    model = dn.from_preset(name)
    filters = [dt * np.asarray(zeta) for dt, zeta in zip(model.time_steps, model.filters(u))]  # (1, 88, 88, 5) each
    parts = [dn.stencil.split(zeta) for zeta in filters]
    sizes = [np.mean([abs(np.asarray(part)).mean() for part in kind]) for kind in zip(*parts)]
    print(f"{name}: mean |mean-free part| {sizes[0]:.4f}, mean |smoothing part| {sizes[1]:.4f}")

    shown = [row[0].imshow(u[0, ..., 0], vmin=0, vmax=1)]
    row[0].set_title(seen)
    for axis, layer in zip(row[1:], (1, 3)):
        centre = filters[layer - 1][0, ..., 0]
        largest = np.quantile(abs(centre), 0.99)
        shown.append(axis.imshow(centre, cmap="RdBu_r", vmin=-largest, vmax=largest))
        axis.set_title(f"centre, layer {layer}")
    smoothing = sum(abs(np.asarray(part)) for _, part in parts)
    shown.append(row[3].imshow(smoothing[0, ..., 0], cmap="magma", vmin=0, vmax=0.3))
    row[3].set_title("smoothing, all layers")
    for axis, artist in zip(row, shown):
        axis.axis("off")
        low, high = artist.get_clim()
        bar = figure.colorbar(artist, ax=axis, location="bottom", ticks=(low, (low + high) / 2, high), format="%.2g")
        bar.ax.tick_params(labelsize=10)
figure.suptitle("centre: the weight that a pixel gives to itself (red: positive, blue: negative)", size=13)
figure.savefig("stencils_of_a_photograph.png")
