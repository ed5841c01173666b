"""Data sets as tensors: images, pairs of images, and what is done to them."""
