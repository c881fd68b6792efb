"""What a JAX user would write by hand, as a peer: a dense VAE, mapped over seeds, scanned over steps, jitted.

`python benchmarks/peer_jax.py CASE SEEDS DEVICE [PRECISION]`, run by a Python that has jax; CASE as in
`benchmarks.peer`; PRECISION of products, `highest` for float32 (on a GPU the default is tf32). Reads a line with a
number of steps, answers images, seconds and CPU seconds; the first line compiles.
"""

from __future__ import annotations

import itertools
import os
import sys
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = sys.argv[4] if len(sys.argv) > 4 else "default"
if sys.argv[3] == "cpu":
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp

BATCH, LATENT, IMAGES, RATE = 64, 12, 6_400, 1e-4


def layers(sizes: tuple[int, ...], key: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
    keys = jax.random.split(key, len(sizes))
    return [
        (jax.random.normal(k, (a, b)) * (2 / a) ** 0.5, jnp.zeros(b))
        for (a, b), k in zip(itertools.pairwise(sizes), keys, strict=False)
    ]


def apply(parameters: list[tuple[jax.Array, jax.Array]], h: jax.Array) -> jax.Array:
    for index, (weight, bias) in enumerate(parameters):
        h = h @ weight + bias
        if index < len(parameters) - 1:
            h = jax.nn.relu(h)
    return h


def loss(parameters, x, eps):
    mean, log_variance = jnp.split(apply(parameters[0], x), 2, axis=1)
    output = jax.nn.sigmoid(apply(parameters[1], mean + eps * jnp.exp(0.5 * log_variance)))
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(1)
    return (0.5 * ((output - x) ** 2).sum(1) + kl).mean()


def adam(parameters, moments, gradients, count):
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], gradients)
    rate = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    new = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), parameters, first, second)
    return new, (first, second)


def main(case: str, seeds: int) -> None:
    _, side, *hidden = case.split("-")
    size, (wide, narrow) = int(side) ** 2, (int(width) for width in hidden) if hidden else (256, 256)
    data = jax.random.uniform(jax.random.key(0), (IMAGES, size))

    def start(key):
        a, b = jax.random.split(key)
        return layers((size, wide, narrow, 2 * LATENT), a), layers((LATENT, narrow, wide, size), b)

    def one_pass(state, key):
        """All steps of a pass over the data, of one seed."""
        keys = jax.random.split(key)
        order = jax.random.permutation(keys[0], IMAGES).reshape(-1, BATCH)
        noise = jax.random.normal(keys[1], (len(order), BATCH, LATENT))

        def step(state, batch):
            parameters, moments, count = state
            rows, eps = batch
            gradients = jax.grad(loss)(parameters, data[rows], eps)
            parameters, moments = adam(parameters, moments, gradients, count + 1)
            return (parameters, moments, count + 1), None

        return jax.lax.scan(step, state, (order, noise))[0]

    run = jax.jit(jax.vmap(one_pass), donate_argnums=0)
    parameters = jax.vmap(start)(jax.random.split(jax.random.key(1), seeds))
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, (zeros, jax.tree.map(jnp.zeros_like, parameters)), jnp.zeros(seeds))
    passes = 0
    for line in sys.stdin:
        count = max(1, int(line) // (IMAGES // BATCH))
        started, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            state = run(state, jax.random.split(jax.random.key(2 + passes), seeds))
            passes += 1
        jax.block_until_ready(state)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        print(count * IMAGES * seeds, seconds, cpu_seconds, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
