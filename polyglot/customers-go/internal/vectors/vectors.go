// Package vectors reads tests/contract/vectors: inputs, and what a worker in every language makes of them.
package vectors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Read reads the file into a value. The test fails without it.
func Read[T any](t *testing.T, name string) (read T) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../../tests/contract/vectors", name))
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}
