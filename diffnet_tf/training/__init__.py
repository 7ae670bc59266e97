"""Training: one `fit` that makes its pairs on the fly and can be stopped and resumed; recipes, SOAP, checkpoints."""

from diffnet_tf.training.fitting import RECIPES, Recipe, Training, fit

__all__ = ["RECIPES", "Recipe", "Training", "fit"]
