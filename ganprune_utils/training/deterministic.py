"""Same seed, same settings, same machine: the same bits."""

import os

import torch

# cuBLAS reads it once, before its first product.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def make_deterministic(threads: int) -> None:
    """Let torch compute on so many CPU threads, and use only algorithms that always give the same result.

    A GPU computes float32 as float32, without TF32's shorter mantissa. An operation that has no deterministic
    algorithm raises.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    # Filling new memory finds code that reads it too early. It changes no result of other code, and costs up to 6 %.
    torch.utils.deterministic.fill_uninitialized_memory = False


def pick_device(name: str) -> torch.device:
    """ "auto" takes CUDA, then MPS, then the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(name)
