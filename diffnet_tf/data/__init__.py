"""Images, and the training pairs that are made from them.

>>> import diffnet_tf as dn
>>> images = dn.data.open_images("skimage", split="train")  # stored as bytes, scaled when they are used
>>> pairs = dn.data.pairs(images, problem="inverse", noise=0.01, crop=24, augment=True, batch_size=8)
>>> inputs, targets = next(iter(pairs))  # a tf.data.Dataset; `PairSequence` is the same for Keras without TensorFlow
>>> inputs.shape, targets.shape
(TensorShape([8, 24, 24, 1]), TensorShape([8, 24, 24, 1]))
"""

from diffnet_tf.data.colour import ColourImages
from diffnet_tf.data.disks import disks
from diffnet_tf.data.export import make_pairs
from diffnet_tf.data.gray import GrayImages
from diffnet_tf.data.mixed import MixedImages, at_least, squares
from diffnet_tf.data.pairs import PairSequence, paired_arrays, pairs
from diffnet_tf.data.plan import as_gray_images
from diffnet_tf.data.sources import load_images, open_images

__all__ = [
    "ColourImages",
    "GrayImages",
    "MixedImages",
    "PairSequence",
    "as_gray_images",
    "at_least",
    "disks",
    "load_images",
    "make_pairs",
    "open_images",
    "paired_arrays",
    "pairs",
    "squares",
]
