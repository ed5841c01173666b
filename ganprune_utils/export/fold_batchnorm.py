"""BatchNorm folded into the convolution before it: the same function with fewer operations, for deployment."""

from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganprune_utils.errors import ParameterError, first_line
from ganprune_utils.models.state import check_unmasked, plain_copy
from ganprune_utils.pruning.layers import PRUNABLE


def fold_batchnorm(model: nn.Module) -> nn.Module:
    """A copy of `model` in evaluation mode, each BatchNorm that directly follows a convolution folded into it, as well
    as spectral and weight norm.

    In evaluation mode a BatchNorm is y = gamma (x - mean) / sqrt(var + eps) + beta with constants, so that its factor
    goes into the convolution's weights and the rest into its bias. Retraining such a network makes little sense.

    Raises ParameterError for a model that cannot be traced, or whose convolutions carry masks.
    """
    check_unmasked(model)
    model = plain_copy(model).eval()
    try:
        traced = fx.symbolic_trace(model)
    except Exception as error:  # whatever somebody's forward may raise when it gets no tensor
        name = type(model).__name__
        raise ParameterError(f"model {name}: its operations depend on its input ({first_line(error)})") from None
    modules = dict(traced.named_modules())
    calls = Counter(node.target for node in traced.graph.nodes if node.op == "call_module")
    for node in list(traced.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if getattr(before, "op", "") != "call_module" or len(before.users) > 1:
            continue
        conv, norm = modules[before.target], modules[node.target]
        if not (isinstance(conv, PRUNABLE) and isinstance(norm, nn.modules.batchnorm._BatchNorm)):
            continue
        if norm.running_mean is None or max(calls[before.target], calls[node.target]) > 1:
            continue  # its factor is no constant, or would reach the layer's other uses
        if conv.transposed and conv.groups > 1:
            continue  # PyTorch's fusion lays the scales along the wrong axis there
        fused = fuse_conv_bn_eval(conv, norm, transpose=conv.transposed)
        parent, _, name = before.target.rpartition(".")
        setattr(traced.get_submodule(parent), name, fused)
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced
