"""Made the models beside this file, with XGBoost 1.7.4 and numpy: python3 make.py

The rows are synthetic: 8 columns, integers and reals, 10 % missing, drawn from a fixed seed. Each model comes with the
raw margins (output_margin=True) of the same 300 rows, in rows.json, which no model was trained on.
"""

import json

import numpy as np
import xgboost as xgb

rng = np.random.default_rng(7)


def rows(n):
    x = np.column_stack(
        [
            rng.integers(0, 12, n),
            rng.normal(0, 1, n),
            rng.normal(50, 20, n).round(2),
            rng.integers(0, 2, n),
            rng.exponential(3, n).round(1),
            rng.normal(0, 1, n),
            rng.integers(-3, 4, n),
            rng.uniform(0, 1, n).round(3),
        ]
    ).astype(np.float64)
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    return x


def signal(x):
    z = np.nan_to_num(x, nan=0.0)
    return 0.3 * (z[:, 0] - 5) + z[:, 1] * z[:, 5] + 0.02 * (z[:, 2] - 50) + np.where(z[:, 3] > 0, z[:, 6], -z[:, 6]) * 0.4


train, late, test = rows(3000), rows(800), rows(300)
NAMES = ["visits", "mood", "basket", "member", "gap", "drift", "trend", "share"]


def y_binary(x):
    return (rng.uniform(size=len(x)) < 1 / (1 + np.exp(-signal(x) + 1))).astype(float)


def y_real(x):
    return 100 + 30 * signal(x) + rng.normal(0, 5, len(x))


def y_count(x):
    return rng.poisson(np.exp(np.clip(signal(x) / 4, -3, 3))).astype(float)


def y_class(x):
    s = signal(x) + rng.normal(0, 0.5, len(x))
    return np.digitize(s, [-1, 0.3, 1.5]).astype(float)


margins = {}
contributions = {}  # of the first 40 rows, the expected margin last
UBJ = {"hist", "early", "softprob", "dart", "forest_classes", "poisson"}  # kept in both forms, the others as JSON


def save(name, params, y, rounds=12, early=False, names=False, **more):
    params = {"max_depth": 4, "eta": 0.3, "nthread": 1, "seed": 1, **params}
    d = xgb.DMatrix(train, label=y(train), feature_names=NAMES if names else None)
    kwargs = {}
    if early:
        v = xgb.DMatrix(late, label=y(late))
        kwargs = {"evals": [(v, "late")], "early_stopping_rounds": 3, "verbose_eval": False}
    b = xgb.train(params, d, num_boost_round=rounds, **kwargs)
    b.save_model(f"{name}.json")
    if name in UBJ:
        b.save_model(f"{name}.ubj")
    limit = (0, b.best_iteration + 1) if early else (0, 0)
    m = b.predict(xgb.DMatrix(test, feature_names=NAMES if names else None), output_margin=True, iteration_range=limit)
    margins[name] = np.atleast_2d(m.astype(np.float64).T).T.tolist()
    if name in ("hist", "poisson", "early"):
        some = xgb.DMatrix(test[:40], feature_names=NAMES if names else None)
        contributions[name] = b.predict(some, pred_contribs=True, iteration_range=limit).astype(np.float64).tolist()


save("hist", {"objective": "binary:logistic", "tree_method": "hist"}, y_binary, names=True)
save("exact", {"objective": "binary:logistic", "tree_method": "exact"}, y_binary)
save("base_score", {"objective": "binary:logistic", "tree_method": "hist", "base_score": 0.124}, y_binary)
save("logitraw", {"objective": "binary:logitraw", "tree_method": "hist"}, y_binary)
save("reglogistic", {"objective": "reg:logistic", "tree_method": "hist", "base_score": 0.3}, y_binary)
save("regression", {"objective": "reg:squarederror", "tree_method": "hist"}, y_real)
save("absolute", {"objective": "reg:absoluteerror", "tree_method": "hist"}, y_real)
save("poisson", {"objective": "count:poisson", "tree_method": "hist"}, y_count)
save("gamma", {"objective": "reg:gamma", "tree_method": "hist"}, lambda x: y_count(x) + 1)
save("tweedie", {"objective": "reg:tweedie", "tweedie_variance_power": 1.5, "tree_method": "hist"}, y_count)
save("softprob", {"objective": "multi:softprob", "num_class": 4, "tree_method": "hist", "max_depth": 3}, y_class, rounds=6)
save("softmax", {"objective": "multi:softmax", "num_class": 4, "tree_method": "exact", "max_depth": 3}, y_class, rounds=6)
save("dart", {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.3, "skip_drop": 0.2, "tree_method": "hist"}, y_binary)
save(
    "forest",
    {"objective": "binary:logistic", "num_parallel_tree": 8, "subsample": 0.6, "colsample_bynode": 0.6, "eta": 1, "tree_method": "hist"},
    y_binary,
    rounds=2,
)
save(
    "forest_classes",
    {"objective": "multi:softprob", "num_class": 4, "num_parallel_tree": 3, "subsample": 0.6, "tree_method": "hist", "max_depth": 3},
    y_class,
    rounds=3,
)
save("early", {"objective": "binary:logistic", "tree_method": "hist", "eta": 0.8, "max_depth": 5}, y_binary, rounds=60, early=True)
save("gblinear", {"objective": "binary:logistic", "booster": "gblinear"}, y_binary, rounds=2)

# A ranking wants groups.
d = xgb.DMatrix(train, label=np.clip(y_class(train), 0, 3))
d.set_group([30] * 100)
for objective in ["rank:pairwise", "rank:ndcg"]:
    b = xgb.train({"objective": objective, "tree_method": "exact", "max_depth": 4, "nthread": 1, "seed": 1}, d, num_boost_round=8)
    name = objective.replace(":", "_")
    b.save_model(f"{name}.json")
    margins[name] = np.atleast_2d(b.predict(xgb.DMatrix(test), output_margin=True).astype(np.float64).T).T.tolist()

save("squaredlog", {"objective": "reg:squaredlogerror", "tree_method": "hist"}, lambda x: y_count(x) + 1)
save("pseudohuber", {"objective": "reg:pseudohubererror", "tree_method": "hist"}, y_count)
d = xgb.DMatrix(train, label=y_binary(train))
d.set_group([30] * 100)
b = xgb.train({"objective": "rank:map", "tree_method": "exact", "max_depth": 3, "nthread": 1, "seed": 1}, d, num_boost_round=6)
b.save_model("rank_map.json")
margins["rank_map"] = np.atleast_2d(b.predict(xgb.DMatrix(test), output_margin=True).astype(np.float64).T).T.tolist()

# Splits by category: a few categories one by one, many in sets; missing values go either way. The last rows have
# categories that training has not seen.
draw = np.random.default_rng(11)


def with_categories(x, unseen=False):
    x = x.copy()
    z = np.nan_to_num(x[:, 0], nan=0)
    x[:, 4] = np.where(draw.uniform(size=len(x)) < 0.2, np.nan, (z * 7 + draw.integers(0, 5, len(x))) % 40)
    x[:, 6] = np.where(draw.uniform(size=len(x)) < 0.2, np.nan, draw.integers(0, 3, len(x)))
    if unseen:
        x[-20:, 4] = draw.integers(40, 400, 20)
    return x


def y_categories(x):
    z = np.nan_to_num(x, nan=-1)
    s = np.sin(z[:, 4] * 2.4) + np.where(z[:, 6] == 1, 1.0, -0.5) + np.where(np.isnan(x[:, 4]), 1.5, 0) + np.where(np.isnan(x[:, 6]), -1, 0)
    return (draw.uniform(size=len(x)) < 1 / (1 + np.exp(-s))).astype(float)


kinds = ["q", "q", "q", "q", "c", "q", "c", "q"]
c_train, c_test = with_categories(train), with_categories(test, unseen=True)
d = xgb.DMatrix(c_train, label=y_categories(c_train), feature_types=kinds, enable_categorical=True)
params = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": 4, "eta": 0.3, "nthread": 1, "seed": 1, "max_cat_to_onehot": 4}
b = xgb.train(params, d, num_boost_round=8)
b.save_model("categories.json")
b.save_model("categories.ubj")
d = xgb.DMatrix(c_test, feature_types=kinds, enable_categorical=True)
categories = {
    "rows": [[None if np.isnan(v) else v for v in r] for r in c_test.tolist()],
    "margins": [[float(v)] for v in b.predict(d, output_margin=True)],
}

with open("rows.json", "w") as f:
    json.dump(
        {
            "rows": [[None if np.isnan(v) else v for v in r] for r in test.tolist()],
            "contributions": contributions,
            "categories": categories,
            "margins": {k: [[float(np.float32(v)) for v in r] for r in m] for k, m in margins.items() if k != "gblinear"},
        },
        f,
        separators=(",", ":"),
    )

# What the fuzzer starts from: two small trees.
b = xgb.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1, "seed": 1}, xgb.DMatrix(train, label=y_binary(train)), num_boost_round=2)
b.save_model("small.ubj")
