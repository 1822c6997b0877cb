// The oracle of the YAML corpus: what Kubernetes' own libraries read from each input.
//
// `go run . ../../yaml` writes NAME.json beside each NAME.yaml: the documents in order, each
// {"value": ...} or {"error": true}. With -check it compares instead, and names what differs.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// peek is how far kubectl looks into a stream for the brace that makes it JSON.
const peek = 4096

// outcome is what becomes of one document of a stream.
type outcome struct {
	Value any  `json:"value,omitempty"`
	Error bool `json:"error,omitempty"`
}

func main() {
	check := flag.Bool("check", false, "compare with the committed files instead of writing them")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run . [-check] CORPUS")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(corpus string, check bool) error {
	inputs, err := filepath.Glob(filepath.Join(corpus, "*.yaml"))
	if err != nil {
		return err
	}
	if len(inputs) == 0 {
		return fmt.Errorf("no *.yaml in %s", corpus)
	}
	var differing []string
	for _, input := range inputs {
		same, err := settle(input, check)
		if err != nil {
			return err
		}
		if !same {
			differing = append(differing, filepath.Base(input))
		}
	}
	if len(differing) > 0 {
		return fmt.Errorf("expected values differ from the library's: %s", strings.Join(differing, ", "))
	}
	return nil
}

// settle writes the outcomes of one input beside it or, to check, tells whether they stand there.
func settle(input string, check bool) (bool, error) {
	text, err := os.ReadFile(input)
	if err != nil {
		return false, err
	}
	want, err := render(documents(text))
	if err != nil {
		return false, fmt.Errorf("%s: %w", input, err)
	}
	path := strings.TrimSuffix(input, ".yaml") + ".json"
	if !check {
		return true, os.WriteFile(path, want, 0o644)
	}
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return bytes.Equal(have, want), nil
}

func render(outcomes []outcome) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(outcomes)
	return text.Bytes(), err
}

// documents reads a stream as kubectl does. Documents that hold nothing are left out, as there.
// Malformed YAML is passed over; a decoder that has settled on JSON repeats its error for ever.
func documents(text []byte) []outcome {
	outcomes := []outcome{}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), peek)
	var last error
	for {
		var raw runtime.RawExtension
		err := decoder.Decode(&raw)
		if err == io.EOF || (err != nil && last != nil && err.Error() == last.Error()) {
			return outcomes
		}
		last = err
		if err != nil {
			outcomes = append(outcomes, outcome{Error: true})
			continue
		}
		if document := bytes.TrimSpace(raw.Raw); len(document) > 0 && !bytes.Equal(document, []byte("null")) {
			outcomes = append(outcomes, decode(document))
		}
	}
}

// decode reads numbers as Kubernetes does for objects without a Go type: int64, else float64.
func decode(document []byte) outcome {
	var value any
	if err := kjson.Unmarshal(document, &value); err != nil {
		return outcome{Error: true}
	}
	return outcome{Value: value}
}
