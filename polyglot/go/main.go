// Shows what the generated types write and read; tests/polyglot compares the output.
package main

import (
	"encoding/json"
	"fmt"

	"example.com/check/contracts"
	"github.com/oapi-codegen/nullable"
)

func show(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func main() {
	name := "Alfreds"
	show(contracts.CustomerPatch{})
	show(contracts.CustomerPatch{CompanyName: &name, Fax: nullable.NewNullNullable[string](), City: nullable.NewNullableWithValue("Berlin")})
	show(contracts.GetMe{})
	var customer contracts.Customer
	if err := json.Unmarshal([]byte(`{"customer_id":"ALFKI","company_name":"A","contact_name":null,"new":1}`), &customer); err != nil {
		panic(err)
	}
	fmt.Println(customer.ContactName.IsNull(), customer.City.IsSpecified())
	fmt.Println(contracts.EndpointCustomersUpdate.Subject, contracts.EndpointCustomersUpdate.Timeout, contracts.EventOrdersPlaced.Durable)
}
