package xgboost

// checkCategories reads how the data frame that the model learnt from called its categories, which XGBoost writes from 3.1 on:
// `enc` has an entry a column, in whose `values` the category of number k is the k-th; `feature_segments` adds up how many each
// column has. A column whose categories are texts has `offsets` too, one that has none has empty lists.
//
// XGBoost looks the categories of a later frame up by what they are called. Features here are numbers: they mean the same where
// the categories are called 0, 1, 2, ... in this order, and nothing is known of them elsewhere.
func checkCategories(cats field, features int) error {
	o, ok := cats.value.(object)
	if !ok {
		return nil
	}
	columns, ok := o["enc"].(list)
	if !ok {
		return nil // no column has any
	}
	if len(columns) != features {
		return cats.get("enc").wrong("%d columns, want %d", len(columns), features)
	}
	segments, err := cats.mustNumbers("feature_segments", features+1)
	if err != nil {
		return err
	}
	const instead = "give the column the numbers 0, 1, 2, ... of its categories instead, as it is read here, and train again"
	for i, v := range columns {
		column := field{cats.path + ".enc", v}
		names, err := column.mustNumbers("values", -1)
		if err != nil {
			return err
		}
		if texts, _ := column.get("offsets").value.(numbers); len(texts) > 0 && len(names) > 0 {
			return cats.get("enc").wrong("the categories of column %d are texts: %s", i, instead)
		}
		if float64(len(names)) != segments[i+1]-segments[i] {
			return cats.get("feature_segments").wrong("column %d has %d categories, not %v", i, len(names), segments[i+1]-segments[i])
		}
		for k, name := range names {
			if name != float64(k) {
				return cats.get("enc").wrong("category %d of column %d is called %v: %s", k, i, name, instead)
			}
		}
	}
	return nil
}
