"""How many seeds one job trains (loads no torch)."""

from __future__ import annotations

from phvae.model.part import Network

__all__ = ["seeds_per_job"]


def seeds_per_job(n_seeds: int, network: Network, device: str, threads: int = 1) -> int:
    """The rule behind ``seeds_per_job: auto``: how many seeds of a cell one job trains.

    As many as a stack gains from (8 dense networks on a CPU, 16 on a GPU; 8 convolutional networks on a GPU), and
    never more than there are. What does not stack (on a CPU, convolutions or more than one thread) trains one seed per
    job, so that seeds fill the cores and a kill costs one seed's time only. Except for that ceiling the size does not
    depend on the number of seeds: adding seeds extends the last job and leaves the jobs before it as they are.

    >>> from phvae.model.networks.dense import Dense
    >>> seeds_per_job(5, Dense(), "cpu"), seeds_per_job(20, Dense(), "cpu"), seeds_per_job(5, Dense(), "cpu", threads=2)
    (5, 8, 1)

    Raises:
        ValueError: n_seeds is below 1.
    """
    if n_seeds < 1:
        raise ValueError(f"n_seeds is {n_seeds}, expected at least 1")
    limit = network.stacked[device] if network.stacks(device, threads) else 1
    return min(n_seeds, limit)
