// The normal form of an object: what main.go's "Normal form" says, over decoded JSON.
package main

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// engine reads objects by the very facts that the file carries.
type engine struct {
	facts map[string]*typeFact
	zero  map[string]map[string]bool
	kept  map[string]map[string]bool
}

func newEngine(facts map[string]*typeFact) *engine {
	e := &engine{facts: facts, zero: map[string]map[string]bool{}, kept: map[string]map[string]bool{}}
	for name, fact := range facts {
		e.zero[name], e.kept[name] = map[string]bool{}, map[string]bool{}
		for _, list := range [][]string{fact.Omitempty, fact.Always} {
			for _, member := range list {
				e.zero[name][member] = true
			}
		}
		for _, member := range fact.Structs {
			e.kept[name][member] = true
		}
	}
	return e
}

const quantityType = "io.k8s.apimachinery.pkg.api.resource.Quantity"

// componentOf finds the component that describes a value: by reference, or one of its alternatives.
func (e *engine) componentOf(value any, schema map[string]any) *typeFact {
	name, _ := schema["$ref"].(string)
	fact := e.facts[name]
	if fact == nil || fact.Alternatives == nil {
		return fact
	}
	if _, ok := value.(map[string]any); ok {
		return e.facts[fact.Alternatives["object"]]
	}
	return nil
}

// elementSchema is the schema of a list's elements, nil where the list is literal.
func (e *engine) elementSchema(schema map[string]any) map[string]any {
	name, _ := schema["$ref"].(string)
	if fact := e.facts[name]; fact != nil {
		if element, ok := fact.Alternatives["array"]; ok {
			return map[string]any{"$ref": element}
		}
		return nil
	}
	items, _ := schema["items"].(map[string]any)
	return items
}

func (e *engine) normalise(value any, schema map[string]any) any {
	switch value := value.(type) {
	case []any:
		if items := e.elementSchema(schema); items != nil {
			for i := range value {
				value[i] = e.normalise(value[i], items)
			}
		}
	case map[string]any:
		if fact := e.componentOf(value, schema); fact != nil {
			e.normaliseObject(value, fact)
		} else if values, ok := schema["additionalProperties"].(map[string]any); ok {
			for key := range value {
				value[key] = e.normalise(value[key], values)
			}
		}
	case string:
		if schema["$ref"] == quantityType {
			return canonicalQuantity(value)
		}
	case int64, float64:
		if schema["$ref"] == quantityType {
			return canonicalQuantity(value)
		}
	}
	return value
}

func (e *engine) normaliseObject(object map[string]any, fact *typeFact) {
	properties := fact.properties()
	for name, value := range object {
		property := properties[name]
		if property == nil {
			continue
		}
		value = e.normalise(value, property)
		object[name] = value
		_, reference := property["$ref"]
		switch typed := value.(type) {
		case nil:
			delete(object, name)
		case []any:
			if len(typed) == 0 && !reference {
				delete(object, name)
			}
		case map[string]any:
			if len(typed) == 0 && (property["additionalProperties"] != nil || e.kept[fact.Type][name]) {
				delete(object, name)
			}
		default:
			if e.zero[fact.Type][name] && isZero(value) {
				delete(object, name)
			}
		}
	}
}

func (fact *typeFact) properties() map[string]map[string]any {
	if fact.byName == nil {
		fact.byName = map[string]map[string]any{}
		properties, _ := fact.Schema["properties"].(map[string]any)
		for name, property := range properties {
			fact.byName[name] = property.(map[string]any)
		}
	}
	return fact.byName
}

func isZero(value any) bool {
	switch value {
	case false, int64(0), float64(0), "", quantityZero:
		return true
	}
	return false
}

// quantity is a canonical Quantity, a type of its own so that its zero is no string "0".
type quantity string

const quantityZero = quantity("0")

func canonicalQuantity(value any) any {
	text, ok := value.(string)
	if !ok {
		text = jsonText(value)
	}
	parsed, err := resource.ParseQuantity(text)
	if err != nil {
		return value
	}
	if parsed.IsZero() {
		return quantityZero
	}
	text = parsed.AsDec().String()
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return quantity(text)
}
