package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/profferhq/proffer/projections"
)

// month is a partition of a table: a table's name and a month counted from year 0.
type month struct {
	table string
	count int
}

func monthAt(table string, ms int64) month {
	t := time.UnixMilli(ms).UTC()
	return month{table: table, count: t.Year()*12 + int(t.Month()) - 1}
}

func (m month) start() time.Time {
	return time.Date(m.count/12, time.Month(m.count%12+1), 1, 0, 0, 0, 0, time.UTC)
}

func (m month) partition() string { return m.table + m.start().Format("_2006_01") }

// hasPartition: the years 2000 to 2099 are partitioned by month, the rest by the two partitions at the ends.
func (m month) hasPartition() bool { return m.count >= 2000*12 && m.count < 2100*12 }

// monthsOf lists the partitions that rows go to, in order.
func monthsOf(rows projections.Rows) []month {
	seen := map[month]bool{}
	for i := range rows.Behaviour {
		seen[monthAt("behaviour_events", rows.Behaviour[i].OccurredMs)] = true
	}
	for i := range rows.Lines {
		seen[monthAt("purchase_lines", rows.Lines[i].OccurredMs)] = true
	}
	var months []month
	for m := range seen {
		if m.hasPartition() {
			months = append(months, m)
		}
	}
	slices.SortFunc(months, func(a, b month) int {
		if a.table != b.table {
			return len(a.table) - len(b.table)
		}
		return a.count - b.count
	})
	return months
}

// addMonths makes the partitions that do not exist yet. They are made apart and then attached, which does not wait
// for anybody who reads the table.
func (t *Tables) addMonths(ctx context.Context, tx pgx.Tx, months []month) error {
	for _, m := range months {
		if t.knowsMonth(m) {
			continue
		}
		var exists bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", "proffer."+m.partition()).Scan(&exists); err != nil {
			return fmt.Errorf("look for the partition %s: %w", m.partition(), err)
		}
		if exists {
			continue
		}
		if _, err := tx.Exec(ctx, m.createSQL()); err != nil {
			return fmt.Errorf("create the partition %s: %w", m.partition(), err)
		}
	}
	return nil
}

func (m month) createSQL() string {
	from, to := m.start(), m.start().AddDate(0, 1, 0)
	const day = "2006-01-02 00:00:00+00"
	return fmt.Sprintf(`CREATE TABLE proffer.%[1]s (LIKE proffer.%[2]s INCLUDING ALL);
		COMMENT ON TABLE proffer.%[1]s IS 'Rows of %[2]s of %[3]s.';
		ALTER TABLE proffer.%[2]s ATTACH PARTITION proffer.%[1]s FOR VALUES FROM ('%[4]s') TO ('%[5]s')`,
		m.partition(), m.table, from.Format("January 2006"), from.Format(day), to.Format(day))
}

func (t *Tables) knowsMonth(m month) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.months[m]
}

func (t *Tables) rememberMonths(months []month) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range months {
		t.months[m] = true
	}
}
