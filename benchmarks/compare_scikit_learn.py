#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""regress as it comes beside scikit-learn on UCI sets, as Markdown tables for docs/regress.md.

Usage: compare_scikit_learn.py numbers|classes FOLDER [options]

numbers: FOLDER holds the sets of Hernandez-Lobato and Adams 2015 with their fixed splits (NAME/data.txt, index_*.txt). Root
  mean squared errors of regress, with --tune no and with --feature-learning 5, of a Gaussian process (RBF with a scale for
  each feature and noise, by evidence, the best of three starts; up to 1,500 training rows), a random forest and gradient
  boosting; log densities and what 95 % intervals hold of regress and the Gaussian process.
classes: FOLDER holds the sets of Fernandez-Delgado et al. 2014 (NAME/NAME_R.dat, conxuntos_kfold.dat: four folds); taken are
  those of 200 to 1,000 rows with 20 of each class at the least. Accuracy, log loss (no probability counts as less than 1 / 2n)
  and calibration error (15 bins, Guo et al. 2017) of regress --classify, a random forest and gradient boosting.

The forest has 500 trees and leaves of 1, 3 or 10 rows, boosting (histograms) 8 settings, by three folds of the training rows.
What is done already in --results is not done again. scikit-learn goes into --venv, which is made on first use.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from virtual_environment import enter

PACKAGES = ["numpy", "scipy", "scikit-learn==1.9.1"]
NORMAL_95 = 1.959963984540054


def run_regress(program, options, x, y, train, test):
    """The columns of regress --output, by name, for targets that are numbers or text."""
    import numpy as np

    with tempfile.TemporaryDirectory() as work:
        for name, rows in (("train", train), ("test", test)):
            with open(f"{work}/{name}.csv", "w") as out:
                print(*[f"x{j}" for j in range(x.shape[1])], "y", sep=",", file=out)
                for i in rows:
                    print(*[repr(float(v)) for v in x[i]], y[i], sep=",", file=out)
        subprocess.run([program, "--train", f"{work}/train.csv", "--target", "y", "--test", f"{work}/test.csv", "--output",
                        f"{work}/p.csv", "--constant", "drop", "--duplicate", "drop", *options],
                       check=True, stdout=subprocess.DEVNULL)
        with open(f"{work}/p.csv") as lines:
            names = [name.strip('"') for name in next(lines).strip().split(",")]
            columns = zip(*[line.strip().split(",") for line in lines])
    return {name: np.array(column) for name, column in zip(names, columns)}


def searched(classes, what):
    """A forest or boosting that looks for its settings."""
    from sklearn import ensemble
    from sklearn.model_selection import GridSearchCV

    kind, score = ("Classifier", "neg_log_loss") if classes else ("Regressor", "neg_mean_squared_error")
    if what == "forest":
        return GridSearchCV(getattr(ensemble, "RandomForest" + kind)(500, random_state=1),
                            {"min_samples_leaf": [1, 3, 10]}, scoring=score, cv=3, n_jobs=2)
    iterations = [50, 200] if classes else [200, 500]
    return GridSearchCV(getattr(ensemble, "HistGradientBoosting" + kind)(early_stopping=False, random_state=1),
                        {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [4, 16], "max_iter": iterations},
                        scoring=score, cv=3, n_jobs=2)


def gaussian_process(x, y, x_new):
    """Means and standard deviations, noise included: of three starts the one with the most evidence."""
    import warnings
    import numpy as np
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    warnings.simplefilter("ignore")
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1
    fits = []
    for noise in (1e-1, 1e-2, 1e-4):
        kernel = ConstantKernel(1) * RBF(np.ones(x.shape[1])) + WhiteKernel(noise, (1e-10, 10))
        fits.append(GaussianProcessRegressor(kernel, normalize_y=True).fit((x - centre) / spread, y))
    best = max(fits, key=lambda fit: fit.log_marginal_likelihood_value_)
    return best.predict((x_new - centre) / spread, return_std=True)


class Results:
    """What has been done, by its key, in a file."""

    def __init__(self, path):
        self.path = path
        self.done = json.loads(path.read_text()) if path.exists() else {}

    def of(self, key, work):
        if key not in self.done:
            start = time.time()
            found = work()
            self.done[key] = {"seconds": time.time() - start, "found": found}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.done))
            print(f"{key}: {self.done[key]['seconds']:.1f} s", file=sys.stderr)
        return self.done[key]


def table(first, names, rows):
    print(f"| {first} | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def numbers(given, results):
    import numpy as np

    methods = {"regress": [], "tune no": ["--tune", "no"], "feature learning": ["--feature-learning", "5"],
               "Gaussian process": None, "forest": None, "boosting": None}

    def measured(method, x, y, train, test):
        """Squared error, and log density and share inside 95 % where there is a spread."""
        spread = None
        if methods[method] is not None:
            out = run_regress(given.program, [*methods[method], "--interval", "0.95"], x, [repr(float(v)) for v in y], train, test)
            mean = out["prediction"].astype(float)
            spread = (out["upper"].astype(float) - out["lower"].astype(float)) / (2 * NORMAL_95)
        elif method == "Gaussian process":
            mean, spread = gaussian_process(x[train], y[train], x[test])
        else:
            mean = searched(False, method).fit(x[train], y[train]).predict(x[test])
        error = y[test] - mean
        found = [float(np.sqrt(np.mean(error**2)))]
        if spread is not None:
            found.append(float(np.mean(-0.5 * np.log(2 * np.pi * spread**2) - 0.5 * (error / spread) ** 2)))
            found.append(float(np.mean(np.abs(error) <= NORMAL_95 * spread)))
        return found

    errors, densities = [], []
    for folder in sorted(path for path in given.folder.iterdir() if (path / "index_target.txt").exists()):
        if given.sets and folder.name not in given.sets:
            continue
        data = np.loadtxt(folder / "data.txt")
        x = data[:, np.loadtxt(folder / "index_features.txt").astype(int)]
        y = data[:, int(np.loadtxt(folder / "index_target.txt"))]
        found = {method: [] for method in methods}
        for k in range(given.splits):
            train, test = (np.loadtxt(folder / f"index_{part}_{k}.txt").astype(int) for part in ("train", "test"))
            if given.rows and len(train) > given.rows:
                train = np.random.default_rng(k).choice(train, given.rows, replace=False)
            for method in given.methods or methods:
                if method != "Gaussian process" or len(train) <= 1500:
                    found[method].append(results.of(f"{folder.name} {k} {given.rows} {method}",
                                                    lambda: measured(method, x, y, train, test)))

        def cell(method, which, digits=4):
            values = [one["found"][which] for one in found[method]]
            if not values:
                return ""
            error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2g}" if len(values) > 1 else ""
            return f"{np.mean(values):#.{digits}g}{error}"

        seconds = np.mean([one["seconds"] for one in found["regress"]]) if found["regress"] else 0
        errors.append([f"{folder.name}, {len(train):,} rows", *[cell(method, 0) for method in methods], f"{seconds:.0f} s"])
        densities.append([folder.name, *[cell(method, which, 3) for which in (1, 2) for method in ("regress", "Gaussian process")]])
    table("set", [*methods, "time of `regress`"], errors)
    table("set", ["log density: `regress`", "Gaussian process", "inside 95 %: `regress`", "Gaussian process"], densities)


def classes(given, results):
    import numpy as np
    from scipy.stats import rankdata

    methods, names = ("regress", "forest", "boosting"), ("`regress --classify`", "random forest", "gradient boosting")
    measures = ("accuracy", "log loss", "calibration error")

    def probabilities(method, x, y, train, test):
        if method != "regress":
            return searched(True, method).fit(x[train], y[train]).predict_proba(x[test]).tolist()
        out = run_regress(given.program, ["--classify"], x, [f"c{c}" for c in y], train, test)
        return np.array([out[f"p c{c}"].astype(float) for c in range(y.max() + 1)]).T.tolist()

    def measured(p, y, n):
        right = p.argmax(axis=1) == y
        clipped = np.maximum(p, 1 / (2 * n))
        clipped /= clipped.sum(axis=1, keepdims=True)
        confidence = p.max(axis=1)
        bins = np.ceil(confidence * 15).astype(int)
        error = sum(abs(np.sum(right[bins == b] - confidence[bins == b])) for b in np.unique(bins)) / len(y)
        return [right.mean(), -np.log(clipped[np.arange(len(y)), y]).mean(), error]

    sets = []
    for folder in sorted(path for path in given.folder.iterdir() if (path / "conxuntos_kfold.dat").exists()):
        data = np.genfromtxt(folder / f"{folder.name}_R.dat", skip_header=1)
        y = data[:, -1].astype(int)
        if 200 <= len(y) <= 1000 and np.bincount(y).min() >= 20 and (not given.sets or folder.name in given.sets):
            sets.append((folder, data[:, 1:-1], y))
    found, seconds = [], []
    for folder, x, y in sets[::given.every]:
        lines = [np.array(line.split(), dtype=int) for line in (folder / "conxuntos_kfold.dat").read_text().splitlines() if line.strip()]
        row = []
        for method in methods:
            done = [results.of(f"{folder.name} {k} {method}", lambda: probabilities(method, x, y, lines[2 * k], lines[2 * k + 1]))
                    for k in range(given.folds)]
            p = np.vstack([one["found"] for one in done])
            row.append(measured(p, y[np.concatenate(lines[1:2 * given.folds:2])], len(lines[0])))
            seconds.append([one["seconds"] for one in done])
        found.append((folder.name, np.array(row)))
    rows = []
    for m, measure in enumerate(measures):
        values = np.array([row[:, m] for _, row in found])
        ranks = np.array([rankdata(-row if measure == "accuracy" else row) for row in values])
        rows.append([f"mean {measure}", *[f"{v:.3f}" for v in values.mean(axis=0)]])
        rows.append([f"mean rank in {measure}", *[f"{v:.2f}" for v in ranks.mean(axis=0)]])
        rows.append([f"sets with the best {measure}", *[str(int(v)) for v in (ranks == ranks.min(axis=1, keepdims=True)).sum(axis=0)]])
    mean_seconds = np.array(seconds).reshape(len(found), len(methods), given.folds).mean(axis=(0, 2))
    rows.append(["seconds a fold", *[f"{v:.1f}" for v in mean_seconds]])
    print(f"{len(found)} sets, {given.folds} folds\n")
    table("", names, rows)
    table("set", [f"{measure}: {name}" if name == names[0] else name for measure in measures for name in names],
          [[name, *[f"{values[k, m]:.3f}" for m in range(3) for k in range(3)]] for name, values in found])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=["numbers", "classes"])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--program", default="build/release/examples/regress")
    arguments.add_argument("--sets", nargs="*", help="these alone")
    arguments.add_argument("--every", type=int, default=1, help="of the sets of classes every so many")
    arguments.add_argument("--folds", type=int, default=4)
    arguments.add_argument("--splits", type=int, default=5)
    arguments.add_argument("--rows", type=int, default=0, help="train on so many random rows at the most (0: all)")
    arguments.add_argument("--methods", nargs="*", help="of numbers: these alone")
    arguments.add_argument("--venv", type=Path, default=Path("build/scikit_learn"))
    arguments.add_argument("--results", type=Path, default=Path("build/compare_scikit_learn.json"))
    given = arguments.parse_args()
    enter(given.venv, PACKAGES)
    {"numbers": numbers, "classes": classes}[given.what](given, Results(given.results))


if __name__ == "__main__":
    main()
