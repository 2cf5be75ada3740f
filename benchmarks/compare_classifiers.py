#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Classes of UCI sets by regress as it comes, random forests and gradient boosting: accuracy, log loss, calibration.

Usage: compare_classifiers.py FOLDER [--program build/release/examples/regress] [--folds 4] [--every 1] [--venv DIR]
                              [--results FILE]

FOLDER holds the sets as Fernandez-Delgado et al. 2014 prepared them (NAME/NAME_R.dat and NAME/conxuntos_kfold.dat, four
folds). Taken are those of 200 to 1,000 rows with 20 of each class at the least, or every so many of these. The forest has
500 trees and leaves of 1, 3 or 10 rows; boosting (histograms) has 8 settings; either takes what has the least log loss in
three folds of the training rows. No probability counts as less than 1 / 2n. Prints tables in Markdown. What is
done already in FILE is not done again.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGES = ["numpy", "scipy", "scikit-learn==1.9.1"]
METHODS = {"regress": "`regress --classify`", "forest": "random forest", "boosting": "gradient boosting"}
MEASURES = ["accuracy", "log loss", "calibration error"]


def enter(venv):
    """Continues inside the virtual environment, which is made on first use."""
    python = venv / "bin" / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if not python.exists():
        print(f"making {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    os.execv(str(python), [str(python), *sys.argv])


def read(folder):
    """Features, classes from 0, and (training, test) rows of each fold."""
    import numpy as np

    table = np.genfromtxt(folder / f"{folder.name}_R.dat", skip_header=1)
    folds = [np.array(line.split(), dtype=int) for line in (folder / "conxuntos_kfold.dat").read_text().splitlines() if line.strip()]
    return table[:, 1:-1], table[:, -1].astype(int), list(zip(folds[::2], folds[1::2]))


def by_regress(program, x, y, train, test):
    import numpy as np

    with tempfile.TemporaryDirectory() as work:
        for name, rows in (("train", train), ("test", test)):
            with open(f"{work}/{name}.csv", "w") as out:
                print(*[f"x{j}" for j in range(x.shape[1])], "class", sep=",", file=out)
                for i in rows:
                    print(*[repr(float(v)) for v in x[i]], f"c{y[i]}", sep=",", file=out)
        subprocess.run([program, "--train", f"{work}/train.csv", "--target", "class", "--classify", "--test",
                        f"{work}/test.csv", "--output", f"{work}/p.csv"], check=True, stdout=subprocess.DEVNULL)
        with open(f"{work}/p.csv") as lines:
            names = [name.strip('"') for name in next(lines).strip().split(",")]
            values = [line.strip().split(",") for line in lines]
        columns = [names.index(f"p c{c}") for c in range(y.max() + 1)]
        return np.array([[float(row[c]) for c in columns] for row in values])


def by_forest(x, y, train, test):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(RandomForestClassifier(500, random_state=1), {"min_samples_leaf": [1, 3, 10]},
                          scoring="neg_log_loss", cv=3, n_jobs=2)
    return search.fit(x[train], y[train]).predict_proba(x[test])


def by_boosting(x, y, train, test):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(HistGradientBoostingClassifier(early_stopping=False, random_state=1),
                          {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [4, 16], "max_iter": [50, 200]},
                          scoring="neg_log_loss", cv=3, n_jobs=2)
    return search.fit(x[train], y[train]).predict_proba(x[test])


def measures(p, y, n):
    """Of probabilities p of the classes y: accuracy, log loss, and calibration error over 15 bins (Guo et al. 2017)."""
    import numpy as np

    right = p.argmax(axis=1) == y
    clipped = np.maximum(p, 1 / (2 * n))
    clipped /= clipped.sum(axis=1, keepdims=True)
    confidence = p.max(axis=1)
    bins = np.ceil(confidence * 15).astype(int)
    error = sum(abs(np.sum(right[bins == b] - confidence[bins == b])) for b in np.unique(bins)) / len(y)
    return [right.mean(), -np.log(clipped[np.arange(len(y)), y]).mean(), error]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--program", default="build/release/examples/regress")
    arguments.add_argument("--folds", type=int, default=4)
    arguments.add_argument("--every", type=int, default=1)
    arguments.add_argument("--venv", type=Path, default=Path("build/classifiers"))
    arguments.add_argument("--results", type=Path, default=Path("build/classifiers.json"))
    given = arguments.parse_args()
    enter(given.venv)
    import numpy as np
    from scipy.stats import rankdata

    names = []
    for folder in sorted(path for path in given.folder.iterdir() if (path / "conxuntos_kfold.dat").exists()):
        x, y, _ = read(folder)
        if 200 <= len(y) <= 1000 and np.bincount(y).min() >= 20:
            names.append(folder.name)
    names = names[::given.every]
    work = {"regress": lambda *a: by_regress(given.program, *a), "forest": by_forest, "boosting": by_boosting}
    done = json.loads(given.results.read_text()) if given.results.exists() else {}
    results, seconds = {}, dict.fromkeys(METHODS, 0.0)
    for name in names:
        x, y, folds = read(given.folder / name)
        for method in METHODS:
            p, truth = [], []
            for k, (train, test) in enumerate(folds[:given.folds]):
                key = f"{name} {k} {method}"
                if key not in done:
                    start = time.time()
                    found = work[method](x, y, train, test)
                    done[key] = {"seconds": time.time() - start, "p": found.tolist()}
                    given.results.write_text(json.dumps(done))
                seconds[method] += done[key]["seconds"]
                p.append(np.array(done[key]["p"]))
                truth.append(y[test])
            results[name, method] = measures(np.vstack(p), np.concatenate(truth), len(folds[0][0]))
        print(name, *[f"{method} {results[name, method][1]:.3f}" for method in METHODS], file=sys.stderr)

    print(f"{len(names)} sets, {given.folds} folds\n\n| | " + " | ".join(METHODS.values()) + " |\n|---|" + "---|" * len(METHODS))
    for m, measure in enumerate(MEASURES):
        values = np.array([[results[name, method][m] for method in METHODS] for name in names])
        ranks = np.array([rankdata(-row if measure == "accuracy" else row) for row in values])
        print(f"| mean {measure} | " + " | ".join(f"{v:.3f}" for v in values.mean(axis=0)) + " |")
        print(f"| mean rank in {measure} | " + " | ".join(f"{v:.2f}" for v in ranks.mean(axis=0)) + " |")
        print(f"| sets with the best {measure} | " + " | ".join(str(int(v)) for v in (ranks == ranks.min(axis=1, keepdims=True)).sum(axis=0)) + " |")
    print("| seconds a fold | " + " | ".join(f"{seconds[m] / (len(names) * given.folds):.1f}" for m in METHODS) + " |\n")
    print("| set | " + " | ".join(f"{measure}: {METHODS[m]}" if m == "regress" else METHODS[m] for measure in MEASURES for m in METHODS) + " |\n|---|" + "---|" * 9)
    for name in names:
        print(f"| {name} | " + " | ".join(f"{results[name, m][k]:.3f}" for k in range(3) for m in METHODS) + " |")


if __name__ == "__main__":
    main()
