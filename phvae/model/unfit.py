"""Layers that no network may have here, refused in words."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

from phvae.errors import ConfigError

__all__ = ["refuse_unfit"]


def refuse_unfit(owner: str, module: nn.Module) -> None:
    """Refuse layers that look at other examples, keep statistics beside the weights, or draw random numbers.

    Args:
        owner: what the module is, for the message.

    Raises:
        ConfigError: there is such a layer.
    """
    for name, layer in module.named_modules():
        where = f"{owner}: found {type(layer).__name__} at {name or 'its top'}, "
        if isinstance(layer, _BatchNorm):
            raise ConfigError(
                f"{where}expected layers that treat every example by itself: a code would depend on the rest of its "
                "batch, and running statistics are no weights; use LayerNorm or GroupNorm"
            )
        if isinstance(layer, _InstanceNorm) and layer.track_running_stats:
            raise ConfigError(
                f"{where}expected no running statistics, which are no weights: use track_running_stats=False"
            )
        if isinstance(layer, _DropoutNd):
            raise ConfigError(
                f"{where}expected a function of the input alone: a step is recorded once, so all steps and seeds would "
                "drop the same units; leave it out, the noise of the code regularises already"
            )
