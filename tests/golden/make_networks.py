#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact kernels of random networks in 80 digits (needs mpmath), by the rules of make_kernels.py.

Usage: make_networks.py [FIRST COUNT] > networks.json: networks number FIRST ... (without numbers those of
tests/golden/networks.json). Every network has activations of shared, negated and scaled arguments and
biases, and most have sums that nearly cancel: relu(h) - relu(-h) - 0.999 h and its like for every activation.
"""
import json
import random
import sys

from mpmath import mp

from make_kernels import Kernel

ACTIVATIONS = ["relu", "relu", "leaky_relu", "abs", "erf", "gelu", "sin", "cos"]


class Network:
    def __init__(self, number):
        self.rng = random.Random(number)
        self.nodes = [{"name": "x", "op": "input"}]
        self.gauss, self.wide = [], ["x"]  # what an activation may take, and everything

    def add(self, op, *inputs, **more):
        name = f"{op[0]}{len(self.nodes)}"
        self.nodes.append(dict({"name": name, "op": op, "inputs": list(inputs)}, **more))
        return name

    def total(self, *terms):
        return self.add("sum", *[n for _, n in terms], coefficients=[c for c, _ in terms])

    def number(self, low, high):
        return round(self.rng.uniform(low, high), 3)

    def dense(self, node, gain=1.0):
        bias = self.rng.choice([0.0, 0.1, 0.5])
        self.gauss.append(self.add("dense", node, weight_std=gain * self.number(0.8, 1.6), bias_std=bias))

    def argument(self):
        """A dense output, a multiple of one, or a sum of two."""
        h = self.rng.choice(self.gauss[-3:])
        kind = self.rng.random()
        if kind < 0.25:
            return h
        if kind < 0.8 or len(self.gauss) == 1:
            return self.total((self.rng.choice([-1, -1, -1, 2, -2, 0.5, self.number(-2, 2) or 1]), h))
        return self.total((self.number(-1.5, 1.5), h), (self.number(-1.5, 1.5), self.rng.choice(self.gauss)))

    def act(self, node, op=None):
        op = op or self.rng.choice(ACTIVATIONS)
        return self.add(op, node, **({"slope": self.rng.choice([0.2, 0.3, -0.5])} if op == "leaky_relu" else {}))

    def cancelling(self):
        """What is left of two sides of an identity, to 1e-1 ... 1e-6."""
        h = self.rng.choice(self.gauss[-3:])
        minus = self.total((-1, h))
        left = 1 - 10.0 ** -self.rng.randint(1, 6)
        c = self.number(0.3, 2)
        kind = self.rng.choice(["linear", "abs", "scaled", "odd", "even", "copies"])
        if kind == "linear":  # f(h) - f(-h) = 2 f'(0) h
            op = self.rng.choice(["relu", "gelu"])
            return self.total((c, self.act(h, op)), (-c, self.act(minus, op)), (-c * left, h))
        if kind == "abs":  # relu(h) + relu(-h) = |h|
            return self.total((c, self.act(h, "relu")), (c, self.act(minus, "relu")), (-c * left, self.act(h, "abs")))
        if kind == "scaled":  # relu(ch) = c relu(h)
            return self.total((1, self.act(self.total((c, h)), "relu")), (-c * left, self.act(h, "relu")))
        op = {"odd": self.rng.choice(["erf", "sin"]), "even": self.rng.choice(["cos", "abs"])}.get(kind) or "gelu"
        if kind == "copies":
            return self.total((c, self.act(h, op)), (-c * left, self.act(h, op)))
        u = self.total((c, h))
        v = self.total((-1, u))
        return self.total((1, self.act(u, op)), (left if kind == "odd" else -left, self.act(v, op)))

    def build(self):
        self.dense("x")
        if self.rng.random() < 0.5:
            self.dense("x")
        for _ in range(self.rng.randint(1, 3)):
            parts = [(self.number(-1.5, 1.5) or 1, self.act(self.argument())) for _ in range(self.rng.randint(1, 3))]
            if self.rng.random() < 0.3:
                parts.append((self.number(-1, 1) or 1, self.rng.choice(self.gauss + ["x"])))
            gain = 1.0
            if self.rng.random() < 0.4:
                parts = [(1, self.cancelling())]
                gain = self.rng.choice([1.0, 30.0])
            self.dense(self.total(*parts) if len(parts) > 1 or self.rng.random() < 0.5 else parts[0][1], gain)
        return {"sst_topology": 1, "name": f"network-{self.rng.random()}", "nodes": self.nodes, "output": self.gauss[-1]}


def case(number):
    topology = Network(number).build()
    topology["name"] = f"network-{number}"
    rng = random.Random(-number)
    rows = [[round(rng.gauss(0, 1), 2) for _ in range(4)] for _ in range(2)]
    rows.append([-v for v in rows[0]] if number % 2 else [2 * v for v in rows[1]])
    kernel = Kernel(topology)
    nngp, ntk = kernel.gram(rows, topology["output"], 20)
    return {"topology": topology, "x": rows, "nngp": nngp, "ntk": ntk}


def main():
    mp.dps = 80
    first, count = (int(v) for v in sys.argv[1:3]) if len(sys.argv) > 2 else (0, 160)
    cases = [case(number) for number in range(first, first + count)]
    text = json.dumps({"about": "NNGP and NTK of random networks to 20 digits, computed in 80-digit arithmetic by "
                        "make_networks.py; x and coefficients are doubles", "cases": cases},
                      separators=(",", ":"))
    sys.stdout.write(text.replace('{"topology"', '\n{"topology"') + "\n")


if __name__ == "__main__":
    main()
