#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same kernels by neural-tangents and by sst, on this machine, in turn: seconds, ratio, errors.

Usage: compare_neural_tangents.py [--program build/benchmark/benchmarks/time_gram] [--n 4096] [--features 32]
                                  [--depth 10] [--repeats 3] [--venv DIR]

Makes a virtual environment with versions that work together (neural-tangents' last release, 0.6.5, imports names
that JAX removed in 0.6, and asks for the NumPy of its time), runs chains, residual networks and sparse shortcuts
through both, and prints one table in Markdown. Times are the best of `repeats` whole matrices, compilation and the
first run left out for both. Errors are the largest on near-duplicate rows (1e-12, 1e-9 and 1e-5 apart), relative to the diagonal,
against 60-digit values of tests/golden/make_kernels.py, off the diagonal.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from virtual_environment import enter

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["jax==0.4.35", "jaxlib==0.4.35", "neural-tangents==0.6.5", "numpy==1.26.4", "scipy==1.12.0",
            "ml_dtypes==0.5.4", "mpmath"]


def network(stax, kind, depth, s, b):
    """The family of make_kernels.family in neural-tangents' layers."""
    dense = lambda: stax.Dense(1, W_std=s, b_std=b)
    layer = lambda: stax.serial(stax.Relu(), dense())
    branch = lambda inner: stax.serial(stax.FanOut(2), stax.parallel(stax.Identity(), inner), stax.FanInSum())
    if kind == "chain":
        return stax.serial(dense(), *[layer() for _ in range(depth - 1)])
    if kind == "residual":
        return stax.serial(dense(), *[branch(layer()) for _ in range(depth - 2)], layer())
    taps = stax.Identity()  # h_i + what follows from it
    for _ in range(depth - 3):
        taps = branch(stax.serial(layer(), taps))
    return stax.serial(dense(), layer(), taps, layer())


def best(run, repeats):
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/benchmark/benchmarks/time_gram"))
    parser.add_argument("--venv", default=str(ROOT / "build/neural-tangents"))
    parser.add_argument("--n", type=int, default=4096)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not Path(options.program).exists():
        sys.exit(f"{options.program} is missing; build it with: cmake --workflow --preset benchmark")
    enter(Path(options.venv), PACKAGES)

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import warnings
    warnings.filterwarnings("ignore")  # one at every sum of branches
    import jax
    import numpy as np
    from neural_tangents import stax
    sys.path.insert(0, str(ROOT / "tests/golden"))
    import make_kernels

    rng = np.random.default_rng(1)
    x = rng.standard_normal((options.n, options.features)) + 0.3
    rows = make_kernels.hard_rows(5)[:4]  # a row and its near-duplicates
    print(f"jax {jax.__version__}, neural-tangents 0.6.5, {os.cpu_count()} cores, n = {options.n}, "
          f"{options.features} features, depth {options.depth}, NTK\n")
    print("| topology | biases | precision | neural-tangents, s | sst direct, s | ratio | sst profile, s | ratio "
          "| error neural-tangents | error sst |")
    print("|---|---|---|---|---|---|---|---|---|---|")

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def sst(topology, data, precision, path, repeats=options.repeats):
            (folder / "t.json").write_text(json.dumps(topology))
            np.save(folder / "x.npy", data)
            done = subprocess.run([options.program, "--topology", str(folder / "t.json"), "--x", str(folder / "x.npy"),
                                   "--precision", precision, "--path", path, "--repeats", str(repeats), "--output",
                                   str(folder / "k.npy")], check=True, capture_output=True, text=True)
            return float(done.stdout), np.load(folder / "k.npy")

        for kind in ("chain", "residual", "sparse"):
            for bias in (0.05, 0.0):
                topology = make_kernels.family(kind, options.depth, "relu", 1.5, bias)
                kernel = make_kernels.Kernel(topology)
                exact = np.array([[float(v) for v in row] for row in kernel.gram(rows, topology["output"])[1]])
                error = lambda k: np.abs(k.astype(float) - exact)[~np.eye(4, dtype=bool)].max() / exact.max()
                for precision in ("double", "float"):
                    jax.config.update("jax_enable_x64", precision == "double")
                    function = network(stax, kind, options.depth, 1.5, bias)[2]
                    theirs = jax.jit(lambda a: function(a, None, "ntk"))
                    dtype = np.float64 if precision == "double" else np.float32
                    given = jax.numpy.asarray(x, dtype)
                    seconds = best(lambda: theirs(given).block_until_ready(), options.repeats)
                    direct, k = sst(topology, x, precision, "direct")
                    gap = np.abs(np.asarray(theirs(given), float) - k).max() / k.max()
                    assert gap < (1e-6 if precision == "double" else 1e-2), gap  # the same network
                    # Without biases the profile applies to any rows.
                    profile = sst(topology, x, precision, "profile")[0] if bias == 0 else None
                    their_error = error(np.asarray(theirs(jax.numpy.asarray(np.array(rows), dtype))))
                    our_error = error(sst(topology, np.array(rows), precision, "direct", 1)[1])
                    shown = f"{profile:.4f} | {seconds / profile:.0f}" if profile else " | "
                    print(f"| {topology['name']} | {bias} | {precision} | {seconds:.3f} | {direct:.4f} | "
                          f"{seconds / direct:.0f} | {shown} | {their_error:.1e} | {our_error:.1e} |", flush=True)


if __name__ == "__main__":
    main()
