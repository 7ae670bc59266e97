"""Other software that diffuses images: each function takes one float32 image in [0, 1] and does the paper's four steps.

The discretisations differ from the paper's and from each other, but the work is the same: four steps, with the
diffusivity computed from the image before each. All run on one core, with their default settings.
"""

import numpy as np

STEPS, DT, CONTRAST = 4, 0.1, 0.2


def medpy_filter():
    from medpy.filter.smoothing import anisotropic_diffusion

    return lambda u: anisotropic_diffusion(u, STEPS, CONTRAST, DT, option=2)


def simpleitk_filter():
    import SimpleITK

    diffusion = SimpleITK.GradientAnisotropicDiffusionImageFilter()
    diffusion.SetNumberOfIterations(STEPS)
    diffusion.SetTimeStep(DT)
    diffusion.SetConductanceParameter(CONTRAST)
    return lambda u: SimpleITK.GetArrayFromImage(diffusion.Execute(SimpleITK.GetImageFromArray(u)))


def opencv_filter():
    """OpenCV takes 8-bit colour only: the gray image three times."""
    import cv2

    def diffuse(u):
        colour = cv2.merge([(255 * u).astype(np.uint8)] * 3)
        return cv2.ximgproc.anisotropicDiffusion(colour, DT, 255 * CONTRAST, STEPS)[..., 0] / np.float32(255)

    return diffuse


def scipy_sparse_filter():
    """As in the authors' MATLAB code: the five diagonals of a sparse matrix, built anew for every step."""
    import scipy.sparse as sp

    def diffuse(u):
        height, width = u.shape
        for _ in range(STEPS):
            padded = np.pad(u, 1, mode="edge")
            squares = (u - padded[:-2, 1:-1]) ** 2 + (u - padded[1:-1, :-2]) ** 2
            gamma = 1 / (1 + squares / CONTRAST**2)
            down, right = (gamma[1:] + gamma[:-1]) / 2, (gamma[:, 1:] + gamma[:, :-1]) / 2
            down, right = np.pad(down, ((0, 1), (0, 0))).ravel(), np.pad(right, ((0, 0), (0, 1))).ravel()
            up, left = np.roll(down, width), np.roll(right, 1)
            diagonals = [-(down + up + left + right), down[:-width], down[:-width], right[:-1], right[:-1]]
            matrix = sp.diags(diagonals, [0, -width, width, -1, 1], format="csr")
            u = (u.ravel() + DT * (matrix @ u.ravel())).reshape(height, width)
        return u

    return diffuse


FILTERS = {
    "MedPy": medpy_filter,
    "SimpleITK": simpleitk_filter,
    "OpenCV-contrib": opencv_filter,
    "SciPy sparse": scipy_sparse_filter,
}


def diffuse(name, count=256, size=96):
    """A contestant that diffuses `count` images, one after the other."""
    images = np.random.default_rng(0).uniform(size=(count, size, size)).astype("float32")
    function = FILTERS[name]()

    def once():
        for image in images:
            function(image)

    return once, count
