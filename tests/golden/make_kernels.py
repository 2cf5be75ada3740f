#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact kernels of any topology in 60 digits, straight from the definitions (needs mpmath).

Usage: make_kernels.py < cases.json > kernels.json, where cases.json is a list of
{"topology": ..., "x": [[...], ...]}; what comes out has "nngp" and "ntk" beside them, as texts.
Run without input it makes hard.json: topologies on near-duplicate, antipodal, collinear and zero
rows, 50 layers deep, and with inputs of size 1e+-90.

It follows the bilinear rules for pairs of nodes one by one, with no normal form, no half angles and
no sharing with the library, so that agreement means something.
"""
import json
import random
import sys

from mpmath import acos, asin, cosh, erf, exp, mp, mpc, mpf, nstr, pi, sinh, sqrt

mp.dps = 60


def lin(act):
    """phi(z) = a z + b |z|, or None."""
    op = act["op"]
    if op == "relu":
        return mpf(1) / 2, mpf(1) / 2
    if op == "abs":
        return mpf(0), mpf(1)
    if op == "leaky_relu":
        s = mpf(act["slope"])
        return (1 + s) / 2, (1 - s) / 2
    return None


def dual(a, b, q, r, k):
    """E[phi psi], E[phi' psi'] for g ~ N(0, q), h ~ N(0, r), cov k."""
    if lin(a) and lin(b):
        (a1, b1), (a2, b2) = lin(a), lin(b)
        if q == 0 or r == 0:
            return mpf(0), mpf(0)
        p = sqrt(q * r)
        c = max(mpf(-1), min(mpf(1), k / p))
        t = acos(c)
        s = sqrt(1 - c * c)
        return (a1 * a2 * k + b1 * b2 * p * 2 / pi * (s + (pi / 2 - t) * c), a1 * a2 + b1 * b2 * (1 - 2 * t / pi))
    if a["op"] in ("sin", "cos"):
        if b["op"] in ("sin", "cos"):
            e = exp(-(q + r) / 2)
            if a["op"] != b["op"]:
                return mpf(0), mpf(0)
            return (e * sinh(k), e * cosh(k)) if a["op"] == "sin" else (e * cosh(k), e * sinh(k))
        return dual(b, a, r, q, k)
    if b["op"] in ("sin", "cos"):  # E[f(g) exp(ih)] = exp(-r/2) E f(g + ik)
        value, slope = shifted(a, q, mpc(0, k))
        e = exp(-r / 2)
        return (e * value.imag, e * slope.real) if b["op"] == "sin" else (e * value.real, -e * slope.imag)
    if a["op"] == "erf" and b["op"] == "erf":
        d = (1 + 2 * q) * (1 + 2 * r)
        return 2 / pi * asin(2 * k / sqrt(d)), 4 / pi / sqrt(d - 4 * k * k)
    if "erf" in (a["op"], b["op"]):  # odd, against linear plus even
        slope = mean_slope(a, q)[1] * mean_slope(b, r)[1]
        return slope * k, slope
    if a["op"] == "gelu" and b["op"] == "gelu":
        d = (1 + q) * (1 + r) - k * k
        both = mpf(1) / 4 + asin(k / sqrt((1 + q) * (1 + r))) / (2 * pi)
        dens = 1 / (2 * pi * sqrt(d))
        return (k * both + (q * r + k * k * (1 / (1 + q) + 1 / (1 + r) - 1)) * dens,
                both + k * dens * (1 / (1 + q) + 1 / (1 + r) + 1 / d))
    if b["op"] != "gelu":
        return dual(b, a, r, q, k)
    # (a1 - b1) z + 2 b1 relu(z) against gelu(h) = E_xi[h 1(h > xi)], with h = u g + v (h - xi) + noise
    a1, b1 = lin(a)
    mean, half = mean_slope(b, r)
    if q == 0:
        return mpf(0), a1 * half
    e, det = 1 + r, q * (1 + r) - k * k
    c = k / sqrt(q * e)
    t, s = acos(c), sqrt(1 - c * c)
    u, v = k / det, (q * r - k * k) / det
    value = u * q * (pi - t + s * c) / (2 * pi) + v * sqrt(q * e) * (s + (pi - t) * c) / (2 * pi)
    slope = (pi - t) / (2 * pi) + k / (1 + r) / sqrt(2 * pi * (q - k * k / (1 + r))) / sqrt(2 * pi * (1 + r))
    return (a1 - b1) * half * k + 2 * b1 * value, (a1 - b1) * half + 2 * b1 * slope


def shifted(a, q, m):
    """E f(g + m), E f'(g + m) for g ~ N(0, q) and complex m."""
    if lin(a):
        a1, b1 = lin(a)
        if q == 0:
            return mpc(0), mpc(a1)
        e = erf(m / sqrt(2 * q))
        return a1 * m + b1 * (sqrt(2 * q / pi) * exp(-m * m / (2 * q)) + m * e), a1 + b1 * e
    if a["op"] == "erf":
        return erf(m / sqrt(1 + 2 * q)), 2 / sqrt(pi * (1 + 2 * q)) * exp(-m * m / (1 + 2 * q))
    u = m / sqrt(1 + q)
    below, dens = (1 + erf(u / sqrt(mpf(2)))) / 2, exp(-u * u / 2) / sqrt(2 * pi)
    return m * below + q / sqrt(1 + q) * dens, below + u * dens / (1 + q)


def mean_slope(a, q):
    """E phi, E phi'."""
    if lin(a):
        a1, b1 = lin(a)
        return b1 * sqrt(2 * q / pi), a1
    if a["op"] == "erf":
        return mpf(0), 2 / sqrt(pi * (1 + 2 * q))
    if a["op"] == "gelu":
        return q / sqrt(2 * pi * (1 + q)), mpf(1) / 2
    if a["op"] == "sin":
        return mpf(0), exp(-q / 2)
    if a["op"] == "cos":
        return exp(-q / 2), mpf(0)
    raise ValueError(a["op"])


class Kernel:
    """Values of nodes are lists of blocks; a block is {atom: coefficient}."""

    def __init__(self, topology):
        self.nodes = {n["name"]: n for n in topology["nodes"]}
        self.blocks, self.shares = {}, {}
        for n in topology["nodes"]:
            name, ins = n["name"], n.get("inputs", [])
            if n["op"] in ("input", "dense"):
                self.blocks[name], self.shares[name] = [{name: mpf(1)}], [mpf(1)]
            elif n["op"] == "sum":
                c = n.get("coefficients", [1] * len(ins))
                out = [dict() for _ in self.blocks[ins[0]]]
                for f, i in zip(c, ins):
                    for o, block in zip(out, self.blocks[i]):
                        for atom, v in block.items():
                            o[atom] = o.get(atom, 0) + mpf(f) * v
                self.blocks[name], self.shares[name] = out, self.shares[ins[0]]
            elif n["op"] == "concat":
                f = n.get("fractions", [mpf(1) / len(ins)] * len(ins))
                self.blocks[name] = [b for i in ins for b in self.blocks[i]]
                self.shares[name] = [mpf(g) * s for g, i in zip(f, ins) for s in self.shares[i]]
            else:
                self.blocks[name] = [{("act", name, i): mpf(1)} for i in range(len(self.blocks[ins[0]]))]
                self.shares[name] = self.shares[ins[0]]
        self.memo = {}

    def pair(self, atom, other, x, y):
        """K and T of two atoms at two samples (indices)."""
        key = (atom, other, x, y)
        if key not in self.memo:
            self.memo[key] = self.compute(atom, other, x, y)
        return self.memo[key]

    def block(self, f, g, x, y):
        k = t = mpf(0)
        for a, u in f.items():
            for b, v in g.items():
                kk, tt = self.pair(a, b, x, y)
                k += u * v * kk
                t += u * v * tt
        return k, t

    def node(self, u, v, x, y):
        k = t = mpf(0)
        for s, f, g in zip(self.shares[u], self.blocks[u], self.blocks[v]):
            kk, tt = self.block(f, g, x, y)
            k += s * kk
            t += s * tt
        return k, t

    def compute(self, a, b, x, y):
        act_a, act_b = isinstance(a, tuple), isinstance(b, tuple)
        if act_b and not act_a:
            return self.compute(b, a, y, x)
        if act_a:
            phi = self.nodes[a[1]]
            g = self.blocks[phi["inputs"][0]][a[2]]
            q = self.block(g, g, x, x)[0]
            clean = lambda n: {k: v for k, v in n.items() if k in ("op", "slope")}
            if act_b:
                psi = self.nodes[b[1]]
                h = self.blocks[psi["inputs"][0]][b[2]]
                r = self.block(h, h, y, y)[0]
                k, t = self.block(g, h, x, y)
                value, slope = dual(clean(phi), clean(psi), q, r, k)
                return value, slope * t
            mean, slope = mean_slope(phi, q)
            if self.nodes[b]["op"] == "input":
                return mean * sum(self.rows[y]) / len(self.rows[y]), mpf(0)
            k, t = self.block(g, {b: mpf(1)}, x, y)
            return slope * k, slope * t
        n, m = self.nodes[a], self.nodes[b]
        if n["op"] == "input" or m["op"] == "input":
            if n["op"] != m["op"]:
                return mpf(0), mpf(0)
            return sum(p * r for p, r in zip(self.rows[x], self.rows[y])) / len(self.rows[x]), mpf(0)
        if a != b and (not n.get("weights") or n.get("weights") != m.get("weights")):
            return mpf(0), mpf(0)
        k, t = self.node(n["inputs"][0], m["inputs"][0], x, y)
        s, bias = mpf(n.get("weight_std", 1)), mpf(n.get("bias_std", 0))
        k = s * s * k + bias * bias
        return k, k + s * s * t

    def gram(self, rows, output, digits=25):
        self.rows = [[mpf(v) for v in row] for row in rows]
        self.memo = {}
        n = len(rows)
        both = [[self.node(output, output, i, j) for j in range(n)] for i in range(n)]
        return [[[nstr(both[i][j][w], digits) for j in range(n)] for i in range(n)] for w in (0, 1)]


def hard_rows(seed, scale=1.0):
    """near-duplicates at 1e-12, 1e-9, 1e-5, antipodal (exact and near), collinear, another, zero."""
    rng = random.Random(seed)
    x = [rng.gauss(0, 1) for _ in range(6)]
    near = lambda e: [v + e * rng.gauss(0, 1) for v in x]
    rows = [x, near(1e-12), near(1e-9), near(1e-5), [-v for v in x], [-v for v in near(1e-9)],
            [1000 * v for v in x], [rng.gauss(0, 1) for _ in range(6)], [0.0] * 6]
    return [[scale * v for v in row] for row in rows]


def random_topology(rng, name, depth, tied):
    """Mixed activations, sums before and after them, shared weights."""
    nodes = [{"name": "x", "op": "input"},
             {"name": "h0", "op": "dense", "inputs": ["x"], "weight_std": 1.2, "bias_std": 0.1}]
    gauss, acts, dense = ["h0"], [], 1
    for i in range(depth):
        op = rng.choice(["relu", "leaky_relu", "abs"])
        act = {"name": f"a{i}", "op": op, "inputs": [rng.choice(gauss[-3:])]}
        if op == "leaky_relu":
            act["slope"] = 0.3
        nodes.append(act)
        acts.append(act["name"])
        ins = sorted({acts[-1], rng.choice(acts), rng.choice(gauss)})
        nodes.append({"name": f"p{i}", "op": "sum", "inputs": ins,
                      "coefficients": [round(rng.uniform(-1.2, 1.2), 3) for _ in ins]})
        node = {"name": f"h{dense}", "op": "dense", "inputs": [f"p{i}"],
                "weight_std": round(rng.uniform(1, 1.6), 2), "bias_std": 0.1}
        if tied and rng.random() < 0.5:
            node.update(weight_std=1.1, weights="W")
        nodes.append(node)
        gauss.append(node["name"])
        dense += 1
        if rng.random() < 0.5:
            ins = sorted({gauss[-1], rng.choice(gauss)})
            nodes.append({"name": f"g{i}", "op": "sum", "inputs": ins,
                          "coefficients": [round(rng.uniform(0.3, 1.2), 3) for _ in ins]})
            gauss.append(f"g{i}")
    nodes.append({"name": "o", "op": "sum", "inputs": sorted({acts[-1], acts[0], gauss[-1]})})
    nodes.append({"name": "y", "op": "dense", "inputs": ["o"], "weight_std": 1.3, "bias_std": 0.1})
    return {"sst_topology": 1, "name": name, "nodes": nodes, "output": "y"}


def family(kind, depth, act="relu", s=1.5, b=0.05):
    dense = lambda name, i: {"name": name, "op": "dense", "inputs": [i], "weight_std": s, "bias_std": b}
    phi = lambda name, i: dict({"name": name, "op": act, "inputs": [i]}, **({"slope": 0.2} if act == "leaky_relu" else {}))
    nodes = [{"name": "x", "op": "input"}, dense("h0", "x")]
    taps, last = [], "h0"
    for i in range(1, depth - 1):
        nodes.append(phi(f"a{i}", last))
        taps.append(f"a{i}" if kind == "after" else f"h{i}")
        nodes.append(dense(f"h{i}", f"a{i}"))
        last = f"h{i}"
        if kind == "residual":
            nodes.append({"name": f"s{i}", "op": "sum", "inputs": [last, f"s{i-1}" if i > 1 else "h0"]})
            last = f"s{i}"
        if kind == "dense":
            nodes.append({"name": f"c{i}", "op": "concat", "inputs": [f"h{j}" for j in range(i + 1)]})
            last = f"c{i}"
    if kind in ("sparse", "after"):
        nodes.append({"name": "s", "op": "sum", "inputs": taps})
        last = "s"
    if kind != "after":
        nodes.append(phi("r", last))
        last = "r"
    nodes.append(dense("y", last))
    return {"sst_topology": 1, "name": f"{kind}-{act}-{depth}", "nodes": nodes, "output": "y"}


def hard_cases():
    rng = random.Random(7)
    cases = []
    for kind in ("chain", "residual", "sparse", "dense", "after"):
        for act in ("relu", "leaky_relu"):
            cases.append((family(kind, 10, act), hard_rows(len(cases))))
    for act in ("relu", "abs"):
        cases.append((family("chain", 6, act, 1.4, 0.0), hard_rows(40)))
    for kind in ("chain", "residual", "sparse"):
        cases.append((family(kind, 50), hard_rows(50)[:2] + hard_rows(50)[4:5] + hard_rows(50)[7:]))
    for scale in (1e90, 1e-90):
        cases.append((family("sparse", 6), hard_rows(60, scale)[:5]))
        cases.append((family("after", 6), hard_rows(61, scale)[:5]))
    for act in ("erf", "gelu", "sin", "cos"):
        cases.append((family("sparse", 5, act, 1.2, 0.1), hard_rows(70)))
    for i in range(6):
        cases.append((random_topology(rng, f"random-{i}", 5, i % 2 == 1), hard_rows(80 + i)))
    # erf below relu: the smooth map's rounding meets a square root
    mixed = family("chain", 5)
    mixed["nodes"][2]["op"] = "erf"
    mixed["name"] = "erf-below-relu"
    cases.append((mixed, hard_rows(90)))
    return [{"topology": t, "x": x} for t, x in cases]


def main():
    given = None if sys.stdin.isatty() or len(sys.argv) > 1 else json.load(sys.stdin)
    cases = given if given is not None else hard_cases()
    for case in cases:
        kernel = Kernel(case["topology"])
        case["nngp"], case["ntk"] = kernel.gram(case["x"], case["topology"]["output"])
    json.dump({"about": "NNGP and NTK values to 25 digits, computed in 60-digit arithmetic by make_kernels.py; "
                        "x are doubles", "cases": cases}, sys.stdout)


if __name__ == "__main__":
    main()
