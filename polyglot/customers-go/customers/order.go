package customers

import (
	"fmt"
	"slices"
	"strings"
)

// sortKey is a column to sort by.
type sortKey struct {
	column     string
	descending bool
}

func (k sortKey) direction() string {
	if k.descending {
		return " DESC"
	}
	return ""
}

func (k sortKey) than() string {
	if k.descending {
		return "<"
	}
	return ">"
}

// orderOf has the columns of an order. The id breaks ties, in the direction of the last key; keys after it sort nothing.
func orderOf(sort string) (order []sortKey) {
	if sort == relevance {
		return []sortKey{{relevance, false}, {"company_name_order", false}, {"customer_id", false}}
	}
	descending := false
	for key := range strings.SplitSeq(sort, ",") {
		var name string
		if name, descending = strings.CutPrefix(key, "-"); name == "customer_id" {
			break
		}
		order = append(order, sortKey{name + "_order", descending})
	}
	return append(order, sortKey{"customer_id", descending})
}

// behind selects the rows after a position. If all columns have one direction, an index can seek by the row.
func behind(order []sortKey, position []string, arg func(any) string) string {
	names, places := make([]string, len(order)), make([]string, len(order))
	for i, key := range order {
		names[i], places[i] = key.column, arg(position[i])
	}
	last := len(order) - 1
	if !slices.ContainsFunc(order, func(key sortKey) bool { return key.descending != order[last].descending }) {
		return fmt.Sprintf("(%s) %s (%s)", strings.Join(names, ", "), order[last].than(), strings.Join(places, ", "))
	}
	condition := fmt.Sprintf("%s %s %s", names[last], order[last].than(), places[last])
	for i := last - 1; i >= 0; i-- {
		condition = fmt.Sprintf("%[1]s %[2]s= %[3]s AND (%[1]s %[2]s %[3]s OR %[4]s)", names[i], order[i].than(), places[i], condition)
	}
	return condition
}
