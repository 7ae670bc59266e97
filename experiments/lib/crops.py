"""Crops of pictures of many kinds that come with scikit-image, so that nothing must be downloaded."""

import numpy as np

# Functions of skimage.data. None of these was trained on.
PICTURES = {
    "photographs": ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket"),
    "textures": ("brick", "grass", "gravel"),
    "astronomy": ("hubble_deep_field", "moon"),
    "medical": ("cell", "immunohistochemistry", "microaneurysms", "retina"),
    "text": ("page", "text"),
    "synthetic": ("checkerboard", "horse", "shepp_logan_phantom"),
}
LARGE = ("astronaut", "camera", "moon", "brick", "grass", "gravel", "immunohistochemistry")  # 512×512
SIDE = 96
LEAST = 0.05  # of the picture's range


def read(name):
    """A picture by the name of its function, gray: (height, width)."""
    import skimage.data

    from diffnet_tf.data.gray import to_gray

    return to_gray(getattr(skimage.data, name)()).astype("float32")


def crops(picture, most=None):
    """Disjoint crops of 96×96 pixels, evenly chosen if there are more than `most`: (n, 96, 96).

    Crops with less than a twentieth of the picture's range are left out. Otherwise the nearly black border of a
    picture of the retina, scaled to a maximum of 1, would count as much as the retina.
    """
    rows, columns = (range(0, n - SIDE + 1, SIDE) for n in picture.shape)
    every = [picture[row : row + SIDE, column : column + SIDE] for row in rows for column in columns]
    every = [crop for crop in every if np.ptp(crop) >= LEAST * np.ptp(picture)]
    chosen = np.unique(np.linspace(0, len(every) - 1, min(most or len(every), len(every))).round().astype(int))
    return np.stack([every[k] for k in chosen])


def of_all(most=None):
    """Crops of every picture: (crops (n, 96, 96), group of each crop, picture of each crop)."""
    found = [
        (crops(read(picture), most), group, picture) for group, pictures in PICTURES.items() for picture in pictures
    ]
    pixels = np.concatenate([part for part, _, _ in found])
    counts = [len(part) for part, _, _ in found]
    return pixels, *(np.repeat([row[k] for row in found], counts).tolist() for k in (1, 2))
