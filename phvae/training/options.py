"""The options of a training (loads no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from phvae.config.strict import MOST_AT_ONCE, MOST_STEPS, Strict, Whole

__all__ = ["Schedule", "TrainingConfig"]


class Schedule(Strict):
    """How the weight of the divergence grows; validation always uses the final weight."""

    name: Literal["constant", "linear"] = Field("constant", description="linear: grows from 0")
    warm_up: float = Field(0.0, ge=0, le=1, description="share of all steps over which the weight grows from 0 to 1")

    @model_validator(mode="after")
    def _used(self) -> Schedule:
        if self.name == "constant" and self.warm_up:
            raise ValueError(f"warm_up is {self.warm_up}, but schedule constant has none: use name: linear")
        if self.name == "linear" and not self.warm_up:
            raise ValueError("warm_up is 0, but schedule linear grows over a share of the steps: give warm_up, above 0")
        return self


class TrainingConfig(Strict):
    """A fixed budget, the same for every variant; the weights of one epoch are kept."""

    epochs: Whole = Field(
        30,
        ge=1,
        le=MOST_STEPS,
        description="passes over the training subset; beside steps: looks at the validation loss",
    )
    steps: Annotated[Whole, Field(ge=1, le=MOST_STEPS)] | None = Field(
        None,
        description="optimiser steps in all, where training sizes differ; epochs then says how often to look",
    )
    batch_size: Whole = Field(64, ge=1, le=MOST_AT_ONCE, description="examples a step")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    schedule: Schedule = Field(Schedule(), description="schedule of the divergence's weight")
    select: Literal["loss", "elbo", "reconstruction", "last"] = Field(
        "loss",
        description="the epoch that is kept: that of the lowest validation loss, each objective's own; elbo: of the "
        "lowest reconstruction + KL(q‖p), the same for every objective; of the lowest reconstruction; or the last",
    )
    precision: Literal["float32", "bfloat16", "tf32", "float64"] = Field(
        "float32", description="arithmetic; bfloat16 by autocast; tf32 on a GPU, float32 on a CPU"
    )
    compile: Literal["auto", "off"] = Field("off", description="torch.compile on a GPU, never on a CPU")
    cuda_graph: Literal["auto", "off"] = Field("auto", description="auto: on a GPU a step is one CUDA graph")
    seeds_per_job: Literal["auto"] | Annotated[Whole, Field(ge=1)] = Field(
        "auto", description="size of a stack of seeds"
    )
    checkpoint_minutes: float = Field(5.0, gt=0, description="wall-clock time between checkpoints")
    memory_share: float = Field(
        0.25, gt=0, le=1, description="a training set above this share of memory is memory-mapped"
    )
