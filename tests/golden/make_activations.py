#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference values of dual activations by two-dimensional quadrature (needs numpy and scipy).

E[phi(g) phi(h)] and E[phi'(g) phi'(h)] for g ~ N(0, s^2), h ~ N(0, t^2) with (1 - c)/2 = half, from the
definition as an integral: the trapezoidal rule on [-12, 12]^2 with step 1/32, which is exact to rounding
for entire functions under a Gaussian. Nothing of the library's formulas is used.
"""
import json
import sys

import numpy as np
from scipy.special import erf, expit, ndtr

pdf = lambda z: np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
FUNCTIONS = {
    "erf": (erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-z * z)),
    "gelu": (lambda z: z * ndtr(z), lambda z: ndtr(z) + z * pdf(z)),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda z: -np.sin(z)),
    "rbf:0.7": (lambda z: np.sqrt(2) * np.sin(np.sqrt(1.4) * z + np.pi / 4),
                lambda z: np.sqrt(2.8) * np.cos(np.sqrt(1.4) * z + np.pi / 4)),
    "exp:0.5": (lambda z: np.exp(z / 2), lambda z: np.exp(z / 2) / 2),
    "monomial:3": (lambda z: z ** 3, lambda z: 3 * z ** 2),
    "hermite:4": (lambda z: (z ** 4 - 6 * z ** 2 + 3) / np.sqrt(24), lambda z: (4 * z ** 3 - 12 * z) / np.sqrt(24)),
}
QUADRATURE = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "swish": (lambda z: z * expit(z), lambda z: expit(z) + z * expit(z) * expit(-z)),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
}
POINTS = [(1, 1, 0.3), (0.5, 2, 0.9), (1.5, 1.5, 0), (0.1, 0.2, 0.5), (3, 0.7, 1e-3), (1.2, 1.2, 1)]
GRID = np.arange(-12, 12 + 1e-9, 1 / 32)
WEIGHTS = pdf(GRID) / 32


def expect(f, s, t, half):
    z, y = GRID[:, None], GRID[None, :]
    values = f(s * z) * f(t * ((1 - 2 * half) * z + 2 * np.sqrt(half * (1 - half)) * y))
    return float(np.sum(values * (WEIGHTS[:, None] * WEIGHTS[None, :]).astype(np.longdouble)))


out = [{"activation": name, "left_std": s, "right_std": t, "half": half,
        "value": repr(expect(f, s, t, half)), "derivative": repr(expect(df, s, t, half))}
       for name, (f, df) in (FUNCTIONS | QUADRATURE).items() for s, t, half in POINTS]
json.dump(out, open(sys.argv[1] if len(sys.argv) > 1 else "activations.json", "w"), indent=1)
