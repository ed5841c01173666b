"""Networks, their checkpoints, and sampling from them."""
