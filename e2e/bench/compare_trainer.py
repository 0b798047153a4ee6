#!/usr/bin/python3
"""Proffer's trainer beside XGBoost's `hist`, at equal rounds, depth and rate, on one thread.

    e2e/bench/compare_trainer.py [--repeat 5] [--json]

Sets: telco_churn (from PROFFER_DATA, default ../shared/data; left out when absent) and three generated ones with
interactions. Both learn from the same numbers in memory; times are processor seconds of quantising and boosting, the
median of the repeats, taken in turns. Needs Debian's python3-xgboost; without it nothing is compared and the exit code
is 0. It fails when an AUC is more than 0.003 below XGBoost's or the time more than 2.5 times its own.
"""
import argparse
import csv
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
try:
    import numpy as np
    import xgboost as xgb
except ImportError as missing:
    print(f"skipped: {missing} (apt-get install python3-xgboost)")
    sys.exit(0)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS, DEPTH, RATE = 100, 6, 0.1


def sum_of_squares(rng):
    """Ten normal features; positive where their squares sum to more than their median."""
    x = rng.normal(size=(60_000, 10))
    return x, (x**2).sum(axis=1) > 9.34


def churn(rng):
    """Twenty features, whole and real, 8 % missing, 12 % positive: effects that hold only together, and noise."""
    n = 70_000
    x = rng.normal(size=(n, 20))
    x[:, 5] = rng.poisson(3, n)
    x[:, 6] = rng.integers(0, 2, n)
    x[:, 7] = rng.integers(0, 30, n)
    x[:, 8] = rng.exponential(20, n)
    z = (1.2 * (x[:, 0] > 0.5) * (x[:, 6] > 0) - 0.8 * x[:, 1] * x[:, 2] + 0.9 * (x[:, 5] < 2) * (x[:, 7] > 15)
         + 0.5 * np.sin(2 * x[:, 3]) - 0.02 * x[:, 8] * (x[:, 4] > 0) - 2.2)
    y = rng.random(n) < 1 / (1 + np.exp(-z))
    x[rng.random(x.shape) < 0.08] = np.nan
    return x, y


def wide(rng):
    """A hundred features, most of them noise or counts with few values; three-way interactions."""
    n = 30_000
    x = rng.normal(size=(n, 100))
    x[:, 50:] = rng.poisson(1, (n, 50))
    z = (np.sign(x[:, 0] * x[:, 1] * x[:, 2]) + 0.8 * (x[:, 50] > 1) * (x[:, 51] < 1) + 0.5 * x[:, 3] * (x[:, 52] > 0) - 0.5)
    return x, rng.random(n) < 1 / (1 + np.exp(-1.5 * z))


def telco():
    """telco_churn with words one-hot; None when the file is absent."""
    data = pathlib.Path(os.environ.get("PROFFER_DATA", ROOT.parent / "shared" / "data"))
    path = data / "telco_churn" / "Telco-Customer-Churn.csv.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt", newline="") as f:
        rows = list(csv.DictReader(f))
    columns = []
    for name in [c for c in rows[0] if c not in ("customerID", "Churn")]:
        values = [r[name].strip() for r in rows]
        try:
            columns.append([float(v) if v else np.nan for v in values])
        except ValueError:
            for level in sorted(set(values)):
                columns.append([float(v == level) for v in values])
    return np.array(columns).T, np.array([r["Churn"] == "Yes" for r in rows])


def auc(score, y):
    values, at, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[at]
    p = y.sum()
    return (rank[y].sum() - p * (p + 1) / 2) / (p * (len(y) - p))


def theirs(x, y, learn):
    start = time.process_time()
    d = xgb.DMatrix(x[:learn], y[:learn], nthread=1)
    model = xgb.train({"objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH, "eta": RATE,
                       "nthread": 1, "base_score": float(y[:learn].mean())}, d, ROUNDS)
    seconds = time.process_time() - start
    return {"auc": auc(model.predict(xgb.DMatrix(x[learn:], nthread=1)), y[learn:]), "seconds": seconds}


def ours(binary, path):
    out = subprocess.run([binary, str(ROUNDS), str(DEPTH), str(RATE), path], check=True, capture_output=True,
                         env={**os.environ, "GOMAXPROCS": "1"})
    return json.loads(out.stdout)


def compare(binary, folder, name, x, y, learn, repeat):
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=bool)
    order = np.random.default_rng(7).permutation(len(y))
    x, y = x[order], y[order]
    path = os.path.join(folder, "set.bin")
    with open(path, "wb") as f:
        np.array([learn, len(y) - learn, x.shape[1]], dtype="<f4").tofile(f)
        np.column_stack([x, y]).astype("<f4").tofile(f)
    a, b = [], []
    for _ in range(repeat):
        a.append(ours(binary, path))
        b.append(theirs(x, y, learn))
    seconds = [statistics.median(r["seconds"] for r in side) for side in (a, b)]
    return {"set": name, "rows": learn, "features": x.shape[1], "auc": a[0]["auc"], "xgboost_auc": b[0]["auc"],
            "seconds": seconds[0], "xgboost_seconds": seconds[1], "ratio": seconds[0] / seconds[1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sets = []
    if (churned := telco()) is None:
        print("left out: no telco_churn/Telco-Customer-Churn.csv.gz under ../shared/data (set PROFFER_DATA)", file=sys.stderr)
    else:
        sets.append(("telco_churn", *churned, 5_000))
    for seed, (make, learn) in enumerate([(sum_of_squares, 50_000), (churn, 60_000), (wide, 25_000)]):
        sets.append((make.__name__, *make(np.random.default_rng(seed)), learn))
    results = []
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "trainer")
        subprocess.run(["go", "build", "-o", binary, "./e2e/bench/trainer"], check=True, cwd=ROOT)
        for name, x, y, learn in sets:
            results.append(compare(binary, folder, name, x, y, learn, args.repeat))
            if not args.json:
                r = results[-1]
                print(f"{name:15} {r['rows']:6} x {r['features']:3}  AUC {r['auc']:.4f} (XGBoost {xgb.__version__} {r['xgboost_auc']:.4f})"
                      f"  CPU {r['seconds']:.2f} s ({r['xgboost_seconds']:.2f} s), ratio {r['ratio']:.2f}")
    if args.json:
        json.dump(results, sys.stdout, indent=1)
    sys.exit(any(r["auc"] < r["xgboost_auc"] - 0.003 or r["ratio"] > 2.5 for r in results))


if __name__ == "__main__":
    main()
