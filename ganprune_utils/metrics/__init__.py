"""Metrics: similarity to another image, quality of a set of images, and cost of a network."""
