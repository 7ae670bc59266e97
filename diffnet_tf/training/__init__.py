"""Training: `fit` makes its training pairs on the fly and can be stopped and resumed. Recipes, SOAP, checkpoints."""

from diffnet_tf.training.fitting import RECIPES, Recipe, Training, fit

__all__ = ["RECIPES", "Recipe", "Training", "fit"]
