"""A pruned generator to take home: ONNX, and BatchNorm folded away."""
