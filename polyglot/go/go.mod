module example.com/check

go 1.26.0

require (
	github.com/oapi-codegen/nullable v1.2.0
	github.com/oapi-codegen/runtime v1.9.0
)

require github.com/google/uuid v1.6.0 // indirect
