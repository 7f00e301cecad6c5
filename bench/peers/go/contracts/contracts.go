// Package contracts has what crosses NATS, and its checks: the gateway and the workers each validate what they receive.
package contracts

import (
	"errors"
	"time"
)

type GetCustomer struct {
	CustomerID string `json:"customer_id"`
}

// Validate reports an id that is not five capital letters.
func (g GetCustomer) Validate() error {
	if len(g.CustomerID) != 5 {
		return errors.New("customer_id: five capital letters")
	}
	for _, letter := range g.CustomerID {
		if letter < 'A' || letter > 'Z' {
			return errors.New("customer_id: five capital letters")
		}
	}
	return nil
}

// ShownCustomer is what HTTP shows of a customer.
type ShownCustomer struct {
	CustomerID   string    `json:"customer_id"`
	CompanyName  string    `json:"company_name"`
	ContactName  *string   `json:"contact_name"`
	ContactTitle *string   `json:"contact_title"`
	Address      *string   `json:"address"`
	City         *string   `json:"city"`
	Region       *string   `json:"region"`
	PostalCode   *string   `json:"postal_code"`
	Country      *string   `json:"country"`
	Phone        *string   `json:"phone"`
	Fax          *string   `json:"fax"`
	Version      int       `json:"version"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

type Customer struct {
	ShownCustomer
	ArchivedAt *time.Time `json:"archived_at"`
}

type ListProducts struct {
	CategoryID *int    `json:"category_id,omitempty"`
	Limit      int     `json:"limit"`
	Cursor     *string `json:"cursor,omitempty"`
}

// Validate reports numbers out of range and a cursor that is too long.
func (l ListProducts) Validate() error {
	switch {
	case l.CategoryID != nil && *l.CategoryID < 1:
		return errors.New("category_id: at least 1")
	case l.Limit < 1 || l.Limit > 200:
		return errors.New("limit: 1 to 200")
	case l.Cursor != nil && len(*l.Cursor) > 1024:
		return errors.New("cursor: at most 1024 characters")
	}
	return nil
}

type Product struct {
	ProductID       int       `json:"product_id"`
	ProductName     string    `json:"product_name"`
	SupplierID      *int      `json:"supplier_id"`
	CategoryID      *int      `json:"category_id"`
	QuantityPerUnit *string   `json:"quantity_per_unit"`
	UnitPrice       string    `json:"unit_price"`
	UnitsInStock    int       `json:"units_in_stock"`
	UnitsOnOrder    int       `json:"units_on_order"`
	ReorderLevel    int       `json:"reorder_level"`
	Discontinued    bool      `json:"discontinued"`
	Version         int       `json:"version"`
	CreatedAt       time.Time `json:"created_at"`
	UpdatedAt       time.Time `json:"updated_at"`
}

type ProductPage struct {
	Items      []Product `json:"items"`
	NextCursor *string   `json:"next_cursor"`
}
