"""DiffNet in PyTorch, channels last, for comparison: the same network, loss and optimiser."""

import numpy as np
import torch
import torch.nn.functional as F


class DiffusionLayer(torch.nn.Module):
    def __init__(self, depth=4, width=32, half=False):
        super().__init__()
        channels = [1, *[width] * (depth - 1), 5]
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:])
        )
        self.time_step = torch.nn.Parameter(torch.tensor(0.2))
        self.half = half

    def forward(self, u):
        with torch.autocast(u.device.type, torch.bfloat16, enabled=self.half):
            filters = u
            for convolution in self.convolutions[:-1]:
                filters = F.relu(convolution(filters))
            filters = self.convolutions[-1](filters)
        filters = filters.float()
        padded = F.pad(u, (1, 1, 1, 1), mode="replicate")
        shifted = (u, padded[..., :-2, 1:-1], padded[..., 2:, 1:-1], padded[..., 1:-1, :-2], padded[..., 1:-1, 2:])
        return u + self.time_step * sum(filters[:, k : k + 1] * v for k, v in enumerate(shifted))


def diffnet(half=False):
    layers = [DiffusionLayer(half=half) for _ in range(5)]
    return torch.nn.Sequential(*layers, torch.nn.ReLU()).to(memory_format=torch.channels_last)


def _images(batch, size, device="cpu"):
    images = np.random.default_rng(0).uniform(size=(batch, 1, size, size)).astype("float32")
    return torch.from_numpy(images).to(device).contiguous(memory_format=torch.channels_last)


def train_step(batch=16, size=96, half=False, compiled=False, device="cpu", steps=1):
    """Time training steps on one fixed batch; on a GPU, with TF32 and the fused Adam."""
    torch.backends.cudnn.allow_tf32 = True
    model = diffnet(half).to(device)
    assert sum(p.numel() for p in model.parameters()) == 101_310
    optimizer = torch.optim.Adam(model.parameters(), 4e-3, fused=device != "cpu" or None)
    target = _images(batch, size, device)
    inputs = F.avg_pool2d(target, 3, 1, 1)
    forward = torch.compile(model) if compiled else model

    def once():
        for _ in range(steps):
            optimizer.zero_grad()
            loss = torch.linalg.vector_norm(F.relu(target) - forward(inputs)) / batch
            loss.backward()
            optimizer.step()
        return float(loss.detach())  # waits for the device

    return once, batch * steps


def inference(batch=16, size=96, half=False, compiled=False, calls=1):
    model, images = diffnet(half).eval(), _images(batch, size)
    forward = torch.compile(model) if compiled else model

    def once():
        with torch.inference_mode():
            for _ in range(calls):
                forward(images)

    return once, batch * calls
