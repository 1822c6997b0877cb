// Seeded random objects of a kind, valid by its schema, with zeros, nulls and empties among the values.
package main

import (
	"encoding/base64"
	"maps"
	"math/rand"
	"slices"
	"strconv"
)

type sampler struct {
	*engine
	random  *rand.Rand
	density float64
	words   map[string][]string
	inside  []string
}

func newSampler(e *engine, seed int64, words map[string][]string) *sampler {
	random := rand.New(rand.NewSource(seed))
	density := []float64{0.05, 0.2, 0.5, 0.95}[seed%4]
	return &sampler{engine: e, random: random, density: density, words: words}
}

// object is a sample of a kind with name, labels and annotations as its metadata.
func (s *sampler) object(kind kindFact) map[string]any {
	version := kind.Version
	if kind.Group != "" {
		version = kind.Group + "/" + version
	}
	object := s.component(s.facts[kind.Schema])
	object["apiVersion"], object["kind"] = version, kind.Kind
	return object
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

func (s *sampler) component(fact *typeFact) map[string]any {
	s.inside = append(s.inside, fact.Type)
	defer func() { s.inside = s.inside[:len(s.inside)-1] }()
	density := s.density
	if s.random.Intn(4) == 0 {
		density = pick(s, 0.02, 0.3, 0.9)
	}
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fact.properties())) {
		if fact.Type == objectMeta && !slices.Contains([]string{"name", "labels", "annotations"}, name) {
			continue
		}
		if s.random.Float64() > density {
			continue
		}
		if s.random.Float64() < 0.03 {
			object[name] = nil
		} else if value, ok := s.value(fact.properties()[name], name); ok {
			object[name] = value
		}
	}
	return object
}

func (s *sampler) value(schema map[string]any, name string) (any, bool) {
	if reference, ok := schema["$ref"].(string); ok {
		return s.reference(reference, name)
	}
	switch schema["type"] {
	case "array":
		return s.list(schema, name)
	case "object":
		values, ok := schema["additionalProperties"].(map[string]any)
		return s.table(values, name), ok
	case "boolean":
		return s.random.Intn(2) == 0, true
	case "integer":
		return pick(s, 0, 0, 1, 2, 80, 443, 1000, s.random.Int31()), true
	case "number":
		return pick(s, 0, 0.5, 2), true
	}
	switch schema["format"] {
	case "byte":
		return base64.StdEncoding.EncodeToString([]byte(pick(s, "", "x", "data"))), true
	case "date-time":
		return "2024-05-06T07:08:09Z", true
	}
	return s.text(name), true
}

func (s *sampler) reference(name, member string) (any, bool) {
	fact := s.facts[name]
	switch name {
	case quantityType:
		return pick[any](s, "0", "1", "500m", "1Gi", "1.5", "100u", "1n", "1e3", "1000m", "12345678901234567890", 0, 2, 0.25), true
	case "io.k8s.apimachinery.pkg.apis.meta.v1.Time":
		return "2024-05-06T07:08:09Z", true
	case "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime":
		return "2024-05-06T07:08:09.123456Z", true
	case "io.k8s.apimachinery.pkg.util.intstr.IntOrString":
		return pick[any](s, 0, "", 8080, "http", "25%"), true
	}
	if fact.Alternatives["object"] != "" {
		fact = s.facts[fact.Alternatives["object"]]
	}
	depth := 0
	for _, outer := range s.inside {
		if outer == fact.Type {
			depth++
		}
	}
	if depth > 1 || fact.Schema["type"] != "object" {
		return nil, false
	}
	return s.component(fact), true
}

func (s *sampler) list(schema map[string]any, name string) (any, bool) {
	list := []any{}
	for range pick(s, 0, 1, 1, 2) {
		value, ok := s.value(schema["items"].(map[string]any), name)
		if !ok {
			return nil, false
		}
		list = append(list, value)
	}
	return list, true
}

func (s *sampler) table(values map[string]any, name string) map[string]any {
	table := map[string]any{}
	for range s.random.Intn(4) {
		if value, ok := s.value(values, name); ok {
			table[pick(s, "cpu", "memory", "example.com/x", "hugepages-2Mi", "kubernetes.io/metadata.name")] = value
		}
	}
	return table
}

var images = []string{
	"nginx", "nginx:latest", "nginx:1.27", "registry.example:5000/a/b", "registry.example:5000/a/b:latest", "localhost/a:latest", "[::1]:5000/a",
	"a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "Upper/a", "Upper", "a/Upper", "a:", ":latest", "a_b__c/d--e:latest", "-a", "a b",
	"a:latest@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
}

func (s *sampler) text(name string) string {
	if (name == "image" || name == "reference") && s.random.Intn(4) > 0 {
		return pick(s, images...)
	}
	owner := s.inside[len(s.inside)-1] + " " + name
	for _, words := range [][]string{s.words[owner], s.words[name]} {
		if len(words) > 0 && s.random.Intn(2) == 0 {
			return pick(s, words...)
		}
	}
	return pick(s, "", "x", "Word", "w"+strconv.Itoa(s.random.Intn(100)))
}

func pick[T any](s *sampler, choices ...T) T {
	return choices[s.random.Intn(len(choices))]
}
