"""How all experiments measure: per-image PSNR and SSIM, and the authors' PSNR over batches, the unit of the paper."""

import numpy as np

BATCH = 16  # the paper's; the authors' PSNR is over batches of this size


def batched(function, images):
    """A function of batches, applied to all images: an array."""
    return np.concatenate([np.asarray(function(images[i : i + BATCH])) for i in range(0, len(images), BATCH)])


def quality(targets, outputs):
    """PSNR and SSIM of every image, the authors' PSNR of every batch, and summaries of the three.

    Args:
        targets, outputs: (n, height, width, 1) in [0, 1].

    Returns:
        (dict of arrays "psnr" and "ssim" (n,) and "authors_psnr" (batches,), dict of their summaries).
    """
    from diffnet_tf import metrics

    batches = [slice(i, i + BATCH) for i in range(0, len(targets), BATCH)]
    values = {
        "psnr": np.concatenate([np.asarray(metrics.psnr(targets[b], outputs[b])) for b in batches]),
        "authors_psnr": np.array([float(metrics.authors_psnr(targets[b], outputs[b])) for b in batches]),
        "ssim": np.concatenate([np.asarray(metrics.ssim(targets[b], outputs[b])) for b in batches]),
    }
    return values, {name: metrics.summary(value) for name, value in values.items()}


def applied(model):
    """A trained model as a compiled function of a batch."""
    from diffnet_tf.base import backend

    return backend.compiled(lambda u: model(u, training=False))
