"""One training step of a GAN: the discriminator's update, then the generator's (Goodfellow et al. 2014, the
non-saturating loss)."""

import torch
import torch.nn.functional as F

NAMES = ("loss_generator", "loss_discriminator", "d_real", "d_fake", "d_fake_after")


def adversarial_step(
    generator, discriminator, optimizers, real, noise, autocast, target=None, distillation: float = 0.0
) -> torch.Tensor:
    """Update both networks on one batch.

    Args:
        optimizers: {"generator": ..., "discriminator": ...}.
        real: images (N, C, 32, 32) in [-1, 1]; noise: (N, latent_dim, 1, 1).
        autocast: gives a context manager for the forward passes.
        target: another generator's images of the same noise. The mean absolute difference from them, times
            `distillation`, is added to the generator's loss, as the reconstruction loss of GAN Compression (Li et al.
            2020).

    Returns:
        (5,): adversarial loss of the generator, loss of the discriminator; mean D(x) and D(G(z)) as the discriminator's
        loss saw them, and D(G(z)) after its update. (6,) with a target: the mean absolute difference too.
    """
    with autocast():
        fake = generator(noise)
        on_real, on_fake = discriminator(real).float(), discriminator(fake.detach()).float()
    loss_d = bce(on_real, 1.0) + bce(on_fake, 0.0)
    update(optimizers["discriminator"], loss_d)

    # The generator's step needs no gradients of the discriminator's weights: without them it is a third cheaper.
    discriminator.requires_grad_(False)
    with autocast():
        after = discriminator(fake).float()
    loss_g = bce(after, 1.0)
    batch = [loss_g, loss_d, on_real.sigmoid().mean(), on_fake.sigmoid().mean(), after.sigmoid().mean()]
    if target is not None:
        batch.append((fake.float() - target).abs().mean())
        loss_g = loss_g + distillation * batch[-1]
    update(optimizers["generator"], loss_g)
    discriminator.requires_grad_(True)
    return torch.stack(batch).detach()


def bce(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def update(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def adam(generator, discriminator, settings) -> dict[str, torch.optim.Adam]:
    """Adam for both networks; `settings` has lr_generator, lr_discriminator, beta1 and beta2."""
    betas = (settings.beta1, settings.beta2)
    return {
        "generator": torch.optim.Adam(generator.parameters(), settings.lr_generator, betas, fused=True),
        "discriminator": torch.optim.Adam(discriminator.parameters(), settings.lr_discriminator, betas, fused=True),
    }


def up_and_down(steps: int) -> list[float]:
    """Shares of a learning rate, one a step: linearly up to 1 in the first tenth, then down to all but 0."""
    rise = -(-steps // 10)
    return [min((i + 1) / rise, (steps - i) / (steps - rise + 1)) for i in range(steps)]
