"""The diffusion as a physics of deepinv, and networks as its denoisers. `make test-torch` has deepinv."""

import importlib.util

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from tests import oracle, pages
from tests.conftest import BACKEND, run_python
from tests.test_pages import alike

THERE = importlib.util.find_spec("deepinv") is not None
with_deepinv = pytest.mark.skipif(not THERE or BACKEND != "torch", reason="needs deepinv, and Keras on PyTorch")

CLOSE = {"atol": 1e-6, "rtol": 1e-5}  # convolutions round differently in batches of other sizes


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def image(torch, photographs):
    """Two photographs, float64 (2, 1, 48, 40)."""
    return torch.from_numpy(np.moveaxis(photographs[:2, 20:68, 20:60], -1, 1).astype("float64"))


# ---- What needs no deepinv -------------------------------------------------------------------------------------------


@pytest.mark.skipif(not THERE, reason="deepinv is not installed")
def test_the_package_alone_imports_no_deepinv():
    code = "import sys, diffnet_tf; assert diffnet_tf.restoration.restore; print('deepinv' in sys.modules)"
    assert run_python(code) == "False\n"


@pytest.mark.skipif(THERE, reason="deepinv is installed")
@pytest.mark.parametrize("make", [dn.deepinv.PeronaMalik, lambda: dn.deepinv.Diffusion(abs)])
def test_without_deepinv_it_says_what_to_install(make):
    with pytest.raises(ImportError, match=r"pip install 'diffnet_tf\[deepinv\]'"):
        make()


def test_on_another_backend_it_says_what_to_set(monkeypatch):
    monkeypatch.setattr(dn.deepinv, "_Physics", type)
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(RuntimeError, match="runs on tensorflow.*KERAS_BACKEND=torch"):
        dn.deepinv.PeronaMalik()


# ---- The physics -----------------------------------------------------------------------------------------------------


@with_deepinv
@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_it_diffuses_as_an_independent_computation_does(image, boundary):
    physics = dn.deepinv.PeronaMalik(boundary=boundary)
    settings = (4, 0.1, 0.2, "perona_malik_1", boundary, "explicit")
    expected = [oracle.nonlinear(u.numpy(), *settings) for u in image[:, 0]]
    assert physics(image).dtype == image.dtype and physics(image.float()).dtype == image.float().dtype
    np.testing.assert_allclose(physics(image)[:, 0], expected, atol=1e-12)
    np.testing.assert_allclose(physics(image.float())[:, 0], expected, atol=1e-6)


@with_deepinv
def test_each_channel_is_diffused_alone(image, torch):
    physics = dn.deepinv.PeronaMalik(steps=2)
    colour = torch.cat([image, image.flip(0), image * 0.5], dim=1)
    for k in range(3):
        torch.testing.assert_close(physics(colour)[:, [k]], physics(colour[:, [k]]))
    together = dn.deepinv.Diffusion(lambda u: dn.diffusion.vector_valued(u, steps=2))
    assert (together(colour) - physics(colour)).abs().max() > 1e-3
    torch.testing.assert_close(together(image), physics(image))


@with_deepinv
def test_its_transposed_derivative_is_that_of_finite_differences(image, torch):
    physics = dn.deepinv.PeronaMalik()
    generator = torch.Generator().manual_seed(0)
    v, d = (torch.randn(image.shape, generator=generator, dtype=image.dtype) for _ in range(2))
    step = 1e-6
    differences = (physics.A(image + step * d) - physics.A(image - step * d)) / (2 * step)
    expected, found = float((v * differences).sum()), float((physics.A_vjp(image, v) * d).sum())
    assert abs(found - expected) < 1e-8 * float(v.norm() * differences.norm())
    torch.testing.assert_close(physics.A_jvp(image, d), differences, atol=1e-8, rtol=1e-7)
    assert abs(float(physics.compute_norm(image[:1], verbose=False)) - 1) < 0.1


@with_deepinv
def test_it_is_undone(image, torch):
    physics = dn.deepinv.PeronaMalik()
    y = physics(image)
    assert ((physics.A_dagger(y) - image) ** 2).mean() < 1e-10  # 100 dB
    regular = physics.A_dagger(y, alpha=0.5)
    expected = dn.inverses.newton_inverse(y.movedim(1, -1), alpha=0.5).movedim(-1, 1)
    torch.testing.assert_close(regular, expected)
    descent = dn.deepinv.Diffusion(dn.diffusion.perona_malik, max_iter=20, tol=0.0).A_dagger(y)
    assert ((descent - image) ** 2).mean() < 0.9 * ((y - image) ** 2).mean()


@with_deepinv
def test_it_takes_what_deepinv_gives(image, torch):
    import deepinv

    noisy = dn.deepinv.PeronaMalik(noise_model=deepinv.physics.GaussianNoise(0.05))
    torch.manual_seed(0)
    residual = noisy(image) - noisy.A(image)
    assert abs(float(residual.std()) - 0.05) < 0.003
    torch.testing.assert_close(noisy.clone().A(image), noisy.A(image))
    with pytest.raises(NotImplementedError, match=r"init=y.*mode='direct'"):
        noisy.A_adjoint(image)
    with pytest.raises(ValueError, match="expected \\(batch, channels, height, width\\)"):
        noisy.A(image[0])


# ---- Networks --------------------------------------------------------------------------------------------------------


@with_deepinv
def test_a_preset_computes_what_it_does_in_keras(image, torch):
    model = dn.from_preset("inverse-1pct")
    denoiser = dn.deepinv.Denoiser(model)
    expected = model(image.float().movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(denoiser(image.float(), 0.01), expected)
    assert denoiser(image, 0.01).dtype == torch.float64
    colour = torch.cat([image, image * 0.5], dim=1)
    torch.testing.assert_close(denoiser(colour, None)[:, 1:], denoiser(image * 0.5, None), **CLOSE)


@with_deepinv
def test_a_noise_map_gets_the_sigma_of_each_image(image, torch):
    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(2, 2, 4, noise_map=True)
    denoiser = dn.deepinv.Denoiser(model)
    both = denoiser(image, torch.tensor([0.02, 0.1]))
    for k, sigma in enumerate((0.02, 0.1)):
        torch.testing.assert_close(both[[k]], denoiser(image[[k]], sigma), **CLOSE)
    mapped = torch.cat([image[:1].float(), torch.full_like(image[:1].float(), 0.02)], dim=1)
    torch.testing.assert_close(both[:1].float(), model(mapped.movedim(1, -1)).movedim(-1, 1), **CLOSE)
    colour = torch.cat([image, image * 0.5], dim=1)
    torch.testing.assert_close(denoiser(colour, torch.tensor([0.02, 0.1]))[:, :1], both, **CLOSE)
    with pytest.raises(ValueError, match="sigma is None"):
        denoiser(image)


@with_deepinv
def test_a_network_for_colour_gets_three_channels(image, torch):
    model = dn.models.DiffNet(1, 2, 4, channels=3)
    denoiser = dn.deepinv.Denoiser(model)
    colour = torch.cat([image, image * 0.5, image * 0.2], dim=1).float()
    torch.testing.assert_close(denoiser(colour), model(colour.movedim(1, -1)).movedim(-1, 1))
    with pytest.raises(ValueError, match="expected 3 channels"):
        denoiser(image)


@with_deepinv
def test_it_trains_only_in_the_mode_for_it(image, torch):
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Dropout(0.5)])
    denoiser = dn.deepinv.Denoiser(model)
    torch.testing.assert_close(denoiser(image.float()), image.float())
    assert (denoiser.train()(image.float()) == 0).float().mean() > 0.3
    torch.testing.assert_close(denoiser.eval()(image.float()), image.float())


@with_deepinv
def test_its_gradient_is_that_of_finite_differences(image, torch):
    """In float32, in the direction of the gradient of the image itself."""
    denoiser = dn.deepinv.Denoiser(dn.from_preset("inverse-1pct"))
    x = image[:1].float().requires_grad_()
    (gradient,) = torch.autograd.grad((denoiser(x) ** 2).sum(), x)
    direction, step = gradient / gradient.norm(), 1e-2
    with torch.no_grad():
        values = [float((denoiser(x + sign * step * direction).double() ** 2).sum()) for sign in (1, -1)]
    assert abs((values[0] - values[1]) / (2 * step) / float(gradient.norm()) - 1) < 1e-3


@with_deepinv
def test_deepinv_trains_it(image, torch, tmp_path):
    """All its weights change, the loss falls, and a state dict keeps them."""
    import deepinv

    denoiser = dn.deepinv.Denoiser(dn.from_preset("inverse-1pct"))
    network = deepinv.models.ArtifactRemoval(denoiser, mode="direct")
    physics = dn.deepinv.PeronaMalik()  # no noise, so the preset can become better
    before = {name: value.clone() for name, value in network.state_dict().items()}
    data = torch.utils.data.DataLoader(list(image.float()), batch_size=2)

    def error():
        with torch.no_grad():
            return float(((network(physics.A(image.float()), physics) - image) ** 2).mean())

    start = error()
    deepinv.Trainer(
        model=network,
        physics=physics,
        optimizer=torch.optim.Adam(network.parameters(), lr=1e-4),
        train_dataloader=data,
        epochs=8,
        losses=deepinv.loss.SupLoss(),
        online_measurements=True,
        save_path=None,
        verbose=False,
        show_progress_bar=False,
    ).train()
    assert error() < 0.85 * start
    assert all(not torch.equal(value, before[name]) for name, value in network.state_dict().items())
    torch.save(denoiser.state_dict(), tmp_path / "weights.pt")
    other = dn.deepinv.Denoiser(dn.models.DiffNet())
    other.load_state_dict(torch.load(tmp_path / "weights.pt"))
    torch.testing.assert_close(other(image), denoiser(image))


# ---- Pages -----------------------------------------------------------------------------------------------------------

BLOCKS = [
    pytest.param(code, printed, id=f"{page}:{line}")
    for page in pages.PAGES
    for line, code, printed in pages.examples(page)
    if pages.needs_deepinv(code)
]


def test_there_are_blocks():
    assert len(BLOCKS) >= 2


@with_deepinv
@pytest.mark.parametrize(("code", "printed"), BLOCKS)
def test_a_block_prints_what_it_says(code, printed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    assert printed and alike(printed, capsys.readouterr().out)
