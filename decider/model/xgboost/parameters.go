package xgboost

import (
	"math"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/decider/model/tree"
)

// parameters are what the learner says beside its trees.
type parameters struct {
	objective string
	means     tree.Objective
	features  int
	outputs   int
	bias      []float64
}

// meaning says what an objective's margins mean, and how base_score becomes one.
type meaning struct {
	means tree.Objective
	base  func(float64) (float64, bool)
}

func identity(v float64) (float64, bool) { return v, true }

// logit and logarithm are those of float64 of a float32, as XGBoost's are up to its rounding.
func logit(p float64) (float64, bool) { return -math.Log(1/p - 1), p > 0 && p < 1 }

func logarithm(v float64) (float64, bool) { return math.Log(v), v > 0 }

func meaningOf(objective string) (meaning, bool) {
	switch objective {
	case "binary:logistic", "reg:logistic":
		return meaning{tree.Binary, logit}, true
	case "binary:logitraw":
		return meaning{tree.Binary, identity}, true
	case "multi:softmax", "multi:softprob":
		return meaning{tree.Multiclass, identity}, true
	case "count:poisson", "reg:gamma", "reg:tweedie":
		return meaning{tree.LogLink, logarithm}, true
	case "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror":
		return meaning{tree.Regression, identity}, true
	case "rank:pairwise", "rank:ndcg", "rank:map":
		return meaning{tree.Ranking, identity}, true
	}
	return meaning{}, false
}

func parametersOf(learner field) (parameters, error) {
	var p parameters
	objective, err := learner.must("objective")
	if err != nil {
		return p, err
	}
	if p.objective, err = objective.mustText("name"); err != nil {
		return p, err
	}
	m, known := meaningOf(p.objective)
	if !known {
		return p, objective.get("name").wrong("%.60q is not supported: it must be one of binary:logistic, binary:logitraw, "+
			"reg:logistic, multi:softmax, multi:softprob, count:poisson, reg:gamma, reg:tweedie, reg:squarederror, "+
			"reg:squaredlogerror, reg:absoluteerror, reg:pseudohubererror, rank:pairwise, rank:ndcg, rank:map", p.objective)
	}
	p.means = m.means
	param, err := learner.must("learner_model_param")
	if err != nil {
		return p, err
	}
	if p.features, err = count(param, "num_feature", 1, tree.MaxFeatures); err != nil {
		return p, err
	}
	classes, err := count(param, "num_class", 0, tree.MaxOutputs)
	if err != nil {
		return p, err
	}
	p.outputs = max(classes, 1)
	if (p.outputs > 1) != (p.means == tree.Multiclass) {
		return p, param.get("num_class").wrong("%d classes for %s", classes, p.objective)
	}
	if param.get("num_target").value != nil {
		if _, err = count(param, "num_target", 0, 1); err != nil {
			return p, err
		}
	}
	p.bias, err = biasOf(param, m, p.outputs)
	return p, err
}

// count is a whole number that XGBoost writes as text.
func count(f field, name string, low, high int) (int, error) {
	s, err := f.mustText(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, f.get(name).wrong("%.40q, want %d to %d", s, low, high)
	}
	return n, nil
}

// biasOf turns base_score into margins: a number, or from 3.1 on a list of them in brackets, one or as many as classes.
func biasOf(param field, m meaning, outputs int) ([]float64, error) {
	s, err := param.mustText("base_score")
	if err != nil {
		return nil, err
	}
	f := param.get("base_score")
	inside, vector := s, false
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") && len(s) >= 2 {
		inside, vector = s[1:len(s)-1], true
	}
	parts := strings.Split(inside, ",")
	if len(parts) != 1 && (!vector || len(parts) != outputs) {
		return nil, f.wrong("%d numbers, want 1 or %d", len(parts), outputs)
	}
	bias := make([]float64, outputs)
	for i := range bias {
		text := strings.TrimSpace(parts[min(i, len(parts)-1)])
		v, err := strconv.ParseFloat(text, 32)
		if err != nil || v-v != 0 {
			return nil, f.wrong("%.40q is no number", text)
		}
		var ok bool
		if bias[i], ok = m.base(v); !ok {
			return nil, f.wrong("%.40q is outside the range of the objective", text)
		}
	}
	return bias, nil
}
