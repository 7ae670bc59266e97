"""Diffusion without learning: stencils and their operators, diffusivities, schemes, and classical inverses."""
