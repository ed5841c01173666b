import math

import pytest
import torch

from ganprune_utils.metrics.reconstruction import reconstruction_table


def test_by_hand():
    target = torch.zeros(3, 1, 16, 16, dtype=torch.uint8)
    generated = target.clone()
    generated[1] = 51  # 0.2 everywhere
    generated[2, :, :8] = 102  # 0.4 on one half
    table = reconstruction_table(generated, target)
    assert table.l1.tolist() == pytest.approx([0, 0.2, 0.2])
    assert table.psnr.tolist() == pytest.approx([math.inf, -10 * math.log10(0.04), -10 * math.log10(0.08)])
    assert table.ssim[0] == pytest.approx(1) and table.ssim[1] < 0.5


def test_floats_are_refused():
    with pytest.raises(ValueError, match="need the same shape in uint8"):
        reconstruction_table(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16))
