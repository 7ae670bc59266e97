"""Do I need a network, if I know the diffusion?

Without noise you do not: Newton's method is exact up to rounding. With noise a network helps: an exact inverse makes
the noise larger, but the network has learned what photographs look like. You learn which classical methods come with
the package, how to choose their parameters on training images, and how to compare all methods on the same test images.
It takes about a minute on 2 cores.
"""

import matplotlib.pyplot as plt
import numpy as np

import diffnet_tf as dn
from diffnet_tf.evaluation import classical

plt.rc("font", size=14)
figure, axes = plt.subplots(2, 1, figsize=(8, 6), layout="constrained", height_ratios=(4, 6))
figure.suptitle("dB gained. Blue methods know the diffusion.\nGray ones and DiffNet, in orange, do not.", size=14)
for axis, noise, preset, title in zip(axes, (0.0, 0.01), ("inverse", "inverse-1pct"), ("no noise", "1 % noise")):
    tuning = dn.data.paired_arrays("skimage", split="train", limit=16, noise=noise)
    inputs, targets = dn.data.paired_arrays("skimage", split="test", noise=noise)
    diffused = float(np.mean(dn.metrics.psnr(targets, inputs)))
    print(f"{title}: diffused {diffused:.2f} dB")

    restored, colours = {"DiffNet": dn.from_preset(preset).predict(inputs, verbose=0)}, ["tab:orange"]
    methods = classical.methods(noise)
    for name in ("newton", "pnp_tv", "fixed_point", "tv", "unsharp"):
        if name in methods:  # those with total variation are for noise
            choice, _ = classical.tune(methods[name], *tuning)
            restored[methods[name].label] = classical.restored(methods[name], inputs, choice)
            colours.append("tab:blue" if methods[name].knows_diffusion else "tab:gray")  # blue: it knows the diffusion

    gained = {label: float(np.mean(dn.metrics.psnr(targets, u))) - diffused for label, u in restored.items()}
    for label, value in gained.items():
        print(f"  {label + ':':34} {diffused + value:.2f} dB")
    bars = axis.barh(list(gained), list(gained.values()), color=colours)
    axis.bar_label(bars, fmt="%.1f dB", padding=4)
    axis.invert_yaxis()
    axis.set(title=title, xlim=(0, 1.2 * max(gained.values())), xticks=[])
    axis.spines[["top", "right", "bottom"]].set_visible(False)
figure.savefig("classical_or_learned.png")
