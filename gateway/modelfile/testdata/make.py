"""Made the files beside this one, with XGBoost 1.7.4 and numpy: python3 make.py

The rows are synthetic, in columns that the view core@1 has, drawn from a fixed seed.
"""

import csv

import numpy as np
import xgboost as xgb

NAMES = ["views_7d", "carts_7d", "purchases_30d", "spend_30d", "days_since_purchase"]
rng = np.random.default_rng(11)


def rows(n):
    x = np.column_stack(
        [rng.poisson(4, n), rng.poisson(1, n), rng.poisson(0.7, n), rng.gamma(2, 30, n).round(2), rng.uniform(0, 90, n).round(3)]
    ).astype(np.float64)
    x[rng.uniform(size=n) < 0.3, 4] = np.nan  # never bought anything
    return x


def label(x):
    z = -2 + 0.2 * x[:, 0] + 0.5 * x[:, 1] * (x[:, 2] > 0) - 0.03 * np.nan_to_num(x[:, 4], nan=60)
    return (rng.uniform(size=len(x)) < 1 / (1 + np.exp(-z))).astype(float)


train, golden = rows(4000), rows(120)
d = xgb.DMatrix(train, label=label(train), feature_names=NAMES)
b = xgb.train({"objective": "binary:logistic", "tree_method": "hist", "max_depth": 3, "nthread": 1, "seed": 1}, d, num_boost_round=15)
b.save_model("buys.ubj")
margins = b.predict(xgb.DMatrix(golden, feature_names=NAMES), output_margin=True)
with open("buys_golden.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow([*NAMES, "margin"])
    for row, margin in zip(golden, margins):
        w.writerow([*("" if np.isnan(v) else repr(float(v)) for v in row), repr(float(margin))])
