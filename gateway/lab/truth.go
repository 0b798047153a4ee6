package lab

import (
	"fmt"
	"regexp"
)

// truth says which records are one person, for counting only: it never reaches the model.
type truth struct {
	// of has one number for each record; 0 stands for unknown, which is nobody else.
	of []int
	// column is the column that it is read from: it must not be compared.
	column string
}

// readTruth takes the truth from a column of the name, or by a regular expression over the id column, whose first
// group names the person.
func readTruth(spec, id string, tables []Table) (truth, error) {
	var t truth
	column, pattern, err := truthSource(spec, id, tables)
	if err != nil {
		return t, err
	}
	t.column = column
	people := map[string]int{}
	for _, table := range tables {
		at := table.Column(column)
		for _, row := range table.Rows {
			t.of = append(t.of, number(people, answer(row[at], pattern)))
		}
	}
	if len(people) == 0 {
		return t, fmt.Errorf("%w: --truth names nobody: column %q has no value that tells", ErrOptions, column)
	}
	return t, nil
}

func truthSource(spec, id string, tables []Table) (string, *regexp.Regexp, error) {
	if everywhere(spec, tables) {
		return spec, nil, nil
	}
	pattern, err := regexp.Compile(spec)
	if err != nil || pattern.NumSubexp() < 1 {
		return "", nil, fmt.Errorf("%w: --truth is neither a column nor a regular expression with a group", ErrOptions)
	}
	if !everywhere(id, tables) {
		return "", nil, fmt.Errorf("%w: --truth is a regular expression, and not every file has the id column %q", ErrOptions, id)
	}
	return id, pattern, nil
}

func everywhere(column string, tables []Table) bool {
	for _, t := range tables {
		if t.Column(column) < 0 {
			return false
		}
	}
	return true
}

func answer(value string, pattern *regexp.Regexp) string {
	if pattern == nil {
		return value
	}
	if found := pattern.FindStringSubmatch(value); found != nil {
		return found[1]
	}
	return ""
}

func number(people map[string]int, name string) int {
	if name == "" {
		return 0
	}
	if _, known := people[name]; !known {
		people[name] = len(people) + 1
	}
	return people[name]
}

// same says whether two records are one person.
func (t truth) same(a, b int) bool { return t.of[a] != 0 && t.of[a] == t.of[b] }

// pairs counts the pairs that are one person: all of them, or with split above 0 those between the files.
func (t truth) pairs(split int) int {
	left, right, n := map[int]int{}, map[int]int{}, 0
	for i, person := range t.of {
		switch {
		case person == 0:
		case split > 0 && i < split:
			left[person]++
		default:
			n += right[person] + left[person]
			if split == 0 {
				right[person]++
			}
		}
	}
	return n
}
