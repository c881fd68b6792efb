"""How many seeds one job trains (loads no torch)."""

from __future__ import annotations

from phvae.determinism.device import stackable

__all__ = ["seeds_per_job"]

# Rate of a stack over one seed, on a CPU: about 2.5 at 4 seeds, 3 at 8, no more at 16; so 8.
# A GPU is far from full with one such model; 16 stacked copies of the largest network fit into 16 GB.
_LIMITS = {("dense", "cpu"): 8, ("dense", "cuda"): 16, ("conv_locatello", "cuda"): 8}


def seeds_per_job(n_seeds: int, network_name: str, device: str, threads: int = 1) -> int:
    """The rule behind ``seeds_per_job: auto``: how many seeds of a cell one job trains.

    As many as a stack gains from (8 dense networks on a CPU, 16 on a GPU; 8 convolutional networks on a GPU), and
    never more than there are. What does not stack (on a CPU, convolutions or more than one thread) trains one seed a
    job, so that seeds fill the cores and a kill costs one seed's time only. Except for that ceiling the size does not
    depend on the number of seeds: adding seeds extends the last job and leaves the jobs before it as they are.

    >>> seeds_per_job(5, "dense", "cpu"), seeds_per_job(20, "dense", "cpu"), seeds_per_job(5, "conv_locatello", "cpu")
    (5, 8, 1)

    Raises:
        ValueError: n_seeds is below 1.
    """
    if n_seeds < 1:
        raise ValueError(f"n_seeds is {n_seeds}, expected at least 1")
    limit = _LIMITS.get((network_name, device), 1) if stackable(network_name, device, threads) else 1
    return min(n_seeds, limit)
