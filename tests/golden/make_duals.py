#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference values of dual activations in 22 digits (needs mpmath).

E[phi(g) psi(h)] and E[phi'(g) psi'(h)] for g ~ N(0, s^2), h ~ N(0, t^2) with (1 - c)/2 = half, from the
definition as an integral; nothing of the library's formulas is used. Analytic pairs: the trapezoidal rule,
whose step follows from the distance of the poles. Pairs with a kink at 0: Gauss-Legendre in polar
coordinates, where kinks are rays; each such value is computed twice, on two grids, and has to agree.
"""
import json
import sys

from mpmath import acos, ceil, cos, erf, exp, expm1, log1p, mp, mpf, ncdf, npdf, pi, sech, sin, sqrt, tanh

mp.dps = 28
ONE = mpf(1)


def logistic(z):
    return 1 / (1 + exp(-z))


def step(z):
    return mpf(1) if z > 0 else mpf(0) if z < 0 else ONE / 2


RATE, GAMMA = mpf(0.8), mpf(0.7)  # the doubles, as the library gets them
HE4 = sqrt(mpf(24))
# name: phi, phi', distance of the nearest pole from the real axis (None: entire; 0: a kink at 0)
F = {
    "erf": (erf, lambda z: 2 / sqrt(pi) * exp(-z * z), None),
    "gelu": (lambda z: z * ncdf(z), lambda z: ncdf(z) + z * npdf(z), None),
    "sin": (sin, cos, None),
    "cos": (cos, lambda z: -sin(z), None),
    "rbf:0.7": (lambda z: sin(sqrt(2 * GAMMA) * z) + cos(sqrt(2 * GAMMA) * z),
                lambda z: sqrt(2 * GAMMA) * (cos(sqrt(2 * GAMMA) * z) - sin(sqrt(2 * GAMMA) * z)), None),
    "exp:0.5": (lambda z: exp(z / 2), lambda z: exp(z / 2) / 2, None),
    "gaussian:0.8": (lambda z: exp(-RATE * z * z), lambda z: -2 * RATE * z * exp(-RATE * z * z), None),
    "monomial:3": (lambda z: z ** 3, lambda z: 3 * z ** 2, None),
    "hermite:4": (lambda z: (z ** 4 - 6 * z ** 2 + 3) / HE4, lambda z: (4 * z ** 3 - 12 * z) / HE4, None),
    "tanh": (tanh, lambda z: sech(z) ** 2, pi / 2),
    "sigmoid": (logistic, lambda z: logistic(z) * logistic(-z), pi),
    "swish": (lambda z: z * logistic(z), lambda z: logistic(z) * (1 + z * logistic(-z)), pi),
    "softplus": (lambda z: log1p(exp(z)), logistic, pi),
    "identity": (lambda z: z, lambda z: ONE, None),
    "relu": (lambda z: max(z, mpf(0)), step, 0),
    "abs": (abs, lambda z: 2 * step(z) - 1, 0),
    "sign": (lambda z: 2 * step(z) - 1, None, 0),
    "step": (step, None, 0),
    "elu:1": (lambda z: z if z > 0 else expm1(z), lambda z: ONE if z > 0 else exp(z), 0),
}
SMOOTH = [(f, f) for f in F if F[f][2] != 0 and f != "identity"] + [
    ("tanh", "erf"), ("tanh", "sigmoid"), ("sigmoid", "erf"), ("swish", "gelu"), ("gelu", "tanh"), ("tanh", "swish"),
    ("sigmoid", "softplus"), ("swish", "softplus"), ("exp:0.5", "sin"), ("cos", "exp:0.5"), ("rbf:0.7", "cos"),
    ("gaussian:0.8", "cos"), ("gaussian:0.8", "erf"), ("monomial:3", "hermite:4"), ("exp:0.5", "tanh"),
    ("identity", "softplus"), ("identity", "tanh"), ("gelu", "erf"), ("sin", "gelu")]
POINTS = [(1, 1, .3), (.3, 2, .9), (1.5, 1.5, 0), (2.5, .7, 1e-3), (1.2, 1.2, 1), (2, 2, 1e-24), (1e-3, 2e-3, .2)]
KINKED = [("relu", "tanh"), ("relu", "gelu"), ("swish", "relu"), ("relu", "softplus"), ("abs", "cos"), ("sign", "erf"),
          ("sigmoid", "step"), ("elu:1", "elu:1"), ("elu:1", "relu"), ("elu:1", "tanh"), ("relu", "exp:0.5")]
KINKED_POINTS = [(1, 1, .3), (.4, 1.2, .85), (.9, 1, 1e-6)]


def trapezoid(f, g, s, t, half, distance):
    """The step h has an error below 1e-24: exp(-2 pi d/h) for poles d away, and
    exp(-(2 pi/h)^2 / 2(1 + 2s^2 + 2t^2)) for entire functions that grow like exp(y^2) at z + iy."""
    h = min(mpf(1) / 4, 2 * pi / sqrt(112 * (1 + 2 * s * s + 2 * t * t)))
    if distance is not None:
        h = min(h, 2 * pi * distance / max(s, t) / 56)
    n = int(ceil(mpf("12.5") / h))
    grid = [h * i for i in range(-n, n + 1)]
    weight = [h * npdf(z) for z in grid]
    c, r = 1 - 2 * half, 2 * sqrt(half * (1 - half))
    total = mpf(0)
    for z, w in zip(grid, weight):
        if w < mpf(10) ** -34:
            continue
        inner = g(t * c * z) if r == 0 else sum(v * g(t * (c * z + r * y)) for y, v in zip(grid, weight)
                                                if v * w > mpf(10) ** -34)
        total += w * f(s * z) * inner
    return total


def legendre(n):
    out = []
    for i in range(n):
        x = cos(pi * (i + mpf(3) / 4) / (n + ONE / 2))
        for _ in range(60):
            p0, p1 = ONE, x
            for k in range(2, n + 1):
                p0, p1 = p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k
            slope = n * (x * p1 - p0) / (x * x - 1)
            x, before = x - p1 / slope, x
            if abs(x - before) < mpf(10) ** -30:
                break
        out.append((x, 2 / ((1 - x * x) * slope * slope)))
    return out


RULE = {n: legendre(n) for n in (20, 24)}


def polar(f, g, s, t, half, n):
    theta = acos(1 - 2 * half)
    rays = sorted((a % (2 * pi)) for a in (pi / 2, 3 * pi / 2, theta + pi / 2, theta - pi / 2))
    rays.append(rays[0] + 2 * pi)
    radii = [(i + (1 + x) / 2, w / 2) for i in range(11) for x, w in RULE[n]]
    radii = [(p, w * p * exp(-p * p / 2)) for p, w in radii]
    total = mpf(0)
    for a, b in zip(rays, rays[1:]):
        if b - a < mpf(10) ** -20:
            continue
        marks = [a + (b - a) * mpf(m) / 32 for m in (0, 2, 8, 16, 24, 30, 32)]
        for lo, hi in zip(marks, marks[1:]):
            for x, w in RULE[n]:
                angle = (lo + hi) / 2 + (hi - lo) / 2 * x
                u, v = s * cos(angle), t * cos(angle - theta)
                total += w * (hi - lo) / 2 * sum(q * f(u * p) * g(v * p) for p, q in radii)
    return total / (2 * pi)


def entry(f, g, s, t, half, integral):
    row = {"left": f, "right": g, "left_std": s, "right_std": t, "half": half}
    exact = [mpf(x) for x in (s, t, half)]
    for key, which in (("value", 0), ("derivative", 1)):
        if F[f][which] and F[g][which]:
            row[key] = mp.nstr(integral(F[f][which], F[g][which], *exact), 22)
    print(row, file=sys.stderr, flush=True)
    return row


def smooth(f, g, s, t, half):
    distances = [F[x][2] for x in (f, g) if F[x][2] is not None]
    distance = min(distances) if distances else None
    return entry(f, g, s, t, half, lambda a, b, *p: trapezoid(a, b, *p, distance))


def kinked(f, g, s, t, half):
    def twice(*p):
        coarse, fine = polar(*p, 20), polar(*p, 24)
        assert abs(coarse - fine) < mpf(10) ** -21 * (1 + abs(fine)), (f, g, s, t, half, coarse, fine)
        return fine
    return entry(f, g, s, t, half, twice)


if __name__ == "__main__":
    rows = [smooth(f, g, *p) for f, g in SMOOTH for p in POINTS]
    rows += [kinked(f, g, *p) for f, g in KINKED for p in KINKED_POINTS]
    with open(sys.argv[1] if len(sys.argv) > 1 else "duals.json", "w") as out:
        out.write("[\n" + ",\n".join(" " + json.dumps(row) for row in rows) + "\n]\n")
