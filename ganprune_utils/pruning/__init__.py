"""Pruning: a criterion turns a model into masks or into filters to remove, another function applies them."""
# ruff: noqa: F401 (what is imported here is what users import from here)

from ganprune_utils.pruning.groups import filter_groups, why_not
from ganprune_utils.pruning.importance import choose_filters, filter_scores, filters_for
from ganprune_utils.pruning.layers import prunable_layers
from ganprune_utils.pruning.magnitude import allocated_masks, matched_s, percentage_masks, sensitivity_masks
from ganprune_utils.pruning.masks import apply_masks, make_permanent, sparsity
from ganprune_utils.pruning.methods import layer_threshold, masks_for
from ganprune_utils.pruning.random import random_masks, shuffled_masks
from ganprune_utils.pruning.recalibrate import recalibrate_batchnorm
from ganprune_utils.pruning.removal import remove_filters, zero_filters
