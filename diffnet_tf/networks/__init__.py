"""Networks: layers, models, baselines, transfer, and presets with their weights."""
