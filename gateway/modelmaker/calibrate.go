package modelmaker

import (
	"context"

	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/train"
)

// CalibrateAuto is Platt's line, bent where there is evidence that a line does not do.
const CalibrateAuto = "auto"

// calibrate makes probabilities of a binary model's margins, on rows that the trees have not seen.
func calibrate(ctx context.Context, how string, j train.Judged) (calibration.Calibration, error) {
	switch how {
	case calibration.None:
		return calibration.Calibration{Kind: calibration.None}, nil
	case calibration.Platt:
		return train.Platt(j)
	case calibration.Isotonic:
		return train.Isotonic(j)
	}
	return train.Bend(ctx, j)
}
