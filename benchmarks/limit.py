"""Where the time of one stack's training goes, and how near its matrix products are to this machine's best.

`python -m benchmarks.limit`, one minute on one core: the dense cases of benchmarks/training.py in torch's profiler.
"""

from __future__ import annotations

import time

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.common import alternate, median, record, table
from benchmarks.training import CASES, trainer_for

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
OPTIMIZER = ("aten::_fused_adam", "aten::_foreach", "aten::lerp", "aten::addcmul", "aten::addcdiv")
SIZE, REPEATS = 1024, 5


def best() -> float:
    """GFLOP/s of a product of two square matrices, the largest of twenty."""
    a = torch.rand(SIZE, SIZE)
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - started)
    return 2 * SIZE**3 / min(seconds) / 1e9


def spent(case: str) -> dict[str, float]:
    """Shares of the operations' own time, and GFLOP/s of the products, over one training."""
    images = CASES[case][2]
    trainer_for(case, images)[0].run(lambda *_: None, lambda: None, lambda: None)
    trainer, _ = trainer_for(case, images)
    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as found:
        trainer.run(lambda *_: None, lambda: None, lambda: None)
    events = [event for event in found.key_averages() if event.key.startswith("aten::")]
    total = sum(event.self_cpu_time_total for event in events)
    products = [event for event in events if event.key in PRODUCTS]
    own = sum(event.self_cpu_time_total for event in products)
    optimizer = sum(event.self_cpu_time_total for event in events if event.key.startswith(OPTIMIZER))
    return {
        "share of products, %": 100 * own / total,
        "share of Adam, %": 100 * optimizer / total,
        "speed of products, GFLOP/s": sum(event.flops for event in products) / own / 1e3,
    }


def main() -> None:
    """Measure, record, print."""
    torch.set_num_threads(1)
    machine = median(alternate({"best": best}, REPEATS)["best"])
    for case in ("dense-8", "dense-28"):
        rounds = [spent(case) for _ in range(REPEATS)]
        for what in rounds[0]:
            name, unit = what.split(", ")
            peer = ("best 1024x1024 product", machine) if unit == "GFLOP/s" else (None, None)
            record(f"limit: {CASES[case][0]}, {name}", unit, median([one[what] for one in rounds]), *peer, REPEATS)
    print(table("limit"))


if __name__ == "__main__":
    main()
