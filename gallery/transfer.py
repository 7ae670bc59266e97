"""The preset undoes four steps of diffusion, and my images went through five. What do I have to learn anew?

Five numbers. The filters of the preset stay as they are, and only the time step of each of its five layers is learned.
You learn how to freeze a part of a network, and what a good start is worth: a new network of the same size, trained
on the same pairs for as long, stays behind. It takes less than a minute on 2 cores.
"""

import matplotlib.pyplot as plt
import numpy as np

import diffnet_tf as dn


def longer(u):
    return dn.diffusion.perona_malik(u, steps=5)


train = dn.data.load_images("skimage", split="train")
inputs, targets = dn.data.paired_arrays("skimage", split="test", degrade=longer)

model = dn.from_preset("inverse")
for layer in model.diffusion_layers:
    layer.estimator.trainable = False  # 20,261 weights in each; the time step stays trainable
old = model.predict(inputs, verbose=0)
steps_before = model.time_steps
dn.training.fit(model, train, "fast", steps=100, degrade=longer)

scratch = dn.models.DiffNet(initial_scale=0.01)
dn.training.fit(scratch, train, "fast", steps=100, degrade=longer)

outputs = {"preset as it is": old, "time steps learned": model.predict(inputs, verbose=0)}
outputs["new network"] = scratch.predict(inputs, verbose=0)
psnr = {name: float(np.mean(dn.metrics.psnr(targets, u))) for name, u in outputs.items()}
for name, value in psnr.items():
    print(f"{name + ':':19} {value:.2f} dB")
print("time steps before and after:", np.round(steps_before, 4), np.round(model.time_steps, 4))

cat = 24
plt.rc("font", size=14)
figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
for axis, (name, u) in zip(axes, outputs.items()):
    axis.imshow(abs(u - targets)[cat, ..., 0], cmap="magma", vmin=0, vmax=0.04)
    axis.set_title(f"{name}\n{float(dn.metrics.psnr(targets, u)[cat]):.1f} dB")
    axis.axis("off")
figure.savefig("transfer.png")
