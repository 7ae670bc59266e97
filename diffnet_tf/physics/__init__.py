"""Diffusion without learning: stencils, their operators, diffusivities, numerical schemes and classical inverses."""
