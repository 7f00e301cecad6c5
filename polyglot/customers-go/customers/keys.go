package customers

import (
	"context"
	"errors"
	"strings"

	"example.com/customers/contracts"
	"example.com/customers/mesh"
	"github.com/jackc/pgx/v5"
)

const (
	keyLength = 5
	// So many letters at the end may be others, so that an id still resembles the name.
	mostReplaced = 3
	firstFree    = `SELECT candidate.customer_id FROM unnest($1::text[]) WITH ORDINALITY AS candidate (customer_id, position)
		WHERE NOT EXISTS (SELECT FROM customers WHERE customers.customer_id = candidate.customer_id)
		ORDER BY position LIMIT 1`
)

// createUnderFreeKey chooses an id that resembles the company's name, as Northwind's do.
func createUnderFreeKey(ctx context.Context, tx pgx.Tx, request contracts.CreateCustomer) (contracts.Customer, error) {
	best := suggested(request.CompanyName)
	ends := []string{""}
	for replaced := range mostReplaced + 1 {
		candidates := make([]string, len(ends))
		for i, end := range ends {
			candidates[i] = best[:keyLength-replaced] + end
		}
		for {
			var key string
			err := tx.QueryRow(ctx, firstFree, candidates).Scan(&key)
			if errors.Is(err, pgx.ErrNoRows) {
				break
			}
			if err == nil {
				request.CustomerId = &key
				var created contracts.Customer
				if created, err = insert(ctx, tx, request); err == nil {
					return created, nil
				}
			}
			if !errors.Is(err, pgx.ErrNoRows) { // else somebody else has just taken it
				return contracts.Customer{}, err
			}
		}
		longer := make([]string, 0, 26*len(ends))
		for _, end := range ends {
			for letter := 'A'; letter <= 'Z'; letter++ {
				longer = append(longer, end+string(letter))
			}
		}
		ends = longer
	}
	detail := "every customer_id that resembles the name is taken: choose one"
	return contracts.Customer{}, &mesh.Fault{Code: mesh.Conflict, Reason: "customer_exists", Detail: detail}
}

// suggested is the best id: three letters of the first word and two of the second, or five of the whole, filled up with X.
func suggested(name string) string {
	var words []string
	for _, word := range strings.Fields(Fold(name)) {
		letters := strings.Map(func(r rune) rune {
			if r < 'A' || r > 'Z' {
				return -1
			}
			return r
		}, strings.ToUpper(word))
		if letters != "" {
			words = append(words, letters)
		}
	}
	whole := strings.Join(words, "")
	if len(words) > 1 && len(words[0]) >= 3 && len(words[1]) >= 2 {
		whole = words[0][:3] + words[1][:2]
	}
	return (whole + strings.Repeat("X", keyLength))[:keyLength]
}
