// Applying default rules to a normal form: what main.go's "Defaults" says, over decoded JSON.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	jsonutil "k8s.io/apimachinery/pkg/util/json"
)

// rule is one default; main.go says what its members mean.
type rule struct {
	Path     string         `json:"path"`
	When     map[string]any `json:"when,omitempty"`
	Unless   map[string]any `json:"unless,omitempty"`
	Value    any            `json:"value,omitempty"`
	Copy     string         `json:"copy,omitempty"`
	As       string         `json:"as,omitempty"`
	ImageTag string         `json:"imageTag,omitempty"`
	Fill     string         `json:"fill,omitempty"`
	Remove   bool           `json:"remove,omitempty"`
	Round    bool           `json:"round,omitempty"`
}

// slot is the place that a rule's path names in one object; bound holds what [] and {} stand for there.
type slot struct {
	get   func() any
	set   func(value any)
	bound []any
}

var segmentPattern = regexp.MustCompile(`\[\]|\{\}|\[[^\]]+\]|[^.\[{]+`)

func segments(path string) []string {
	return segmentPattern.FindAllString(path, -1)
}

func (e *engine) defaults(object map[string]any, fact *typeFact) {
	for _, rule := range fact.Defaults {
		e.visit(object, map[string]any{"$ref": fact.Type}, segments(rule.Path), nil, func(at slot) {
			if holds(rule, object, at.bound) {
				rule.act(object, at)
			}
		})
	}
	for name, property := range fact.properties() {
		child, ok := object[name]
		if !ok && e.kept[fact.Type][name] {
			child = map[string]any{}
		}
		e.descend(child, property)
		if created, isObject := child.(map[string]any); !ok && isObject && len(created) > 0 {
			object[name] = created
		}
	}
}

func (e *engine) descend(value any, schema map[string]any) {
	switch value := value.(type) {
	case []any:
		if items := e.elementSchema(schema); items != nil {
			for _, element := range value {
				e.descend(element, items)
			}
		}
	case map[string]any:
		if fact := e.componentOf(value, schema); fact != nil {
			e.defaults(value, fact)
		} else if values, ok := schema["additionalProperties"].(map[string]any); ok {
			for _, element := range value {
				e.descend(element, values)
			}
		}
	}
}

// visit calls act at every place that the path names below value.
func (e *engine) visit(value any, schema map[string]any, path []string, bound []any, act func(slot)) {
	switch path[0] {
	case "[]":
		list, _ := value.([]any)
		for i := range list {
			at := slot{func() any { return list[i] }, func(v any) { list[i] = v }, append(slices.Clone(bound), i)}
			e.step(at, e.elementSchema(schema), path[1:], act)
		}
	case "{}":
		object, _ := value.(map[string]any)
		values, _ := schema["additionalProperties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(object)) {
			e.step(member(object, key, append(slices.Clone(bound), key)), values, path[1:], act)
		}
	default:
		object, ok := value.(map[string]any)
		if !ok {
			return
		}
		key := strings.Trim(path[0], "[]")
		fact := e.componentOf(value, schema)
		if fact == nil {
			values, _ := schema["additionalProperties"].(map[string]any)
			e.step(member(object, key, bound), values, path[1:], act)
			return
		}
		property, known := fact.properties()[key]
		if !known {
			panic(fmt.Sprintf("%s has no property %s", fact.Type, key))
		}
		at := member(object, key, bound)
		creatable := property["additionalProperties"] != nil || e.kept[fact.Type][key]
		if at.get() == nil && len(path) > 1 && creatable {
			created := map[string]any{}
			e.visit(created, property, path[1:], bound, act)
			if len(created) > 0 {
				at.set(created)
			}
			return
		}
		e.step(at, property, path[1:], act)
	}
}

func (e *engine) step(at slot, schema map[string]any, rest []string, act func(slot)) {
	if len(rest) == 0 {
		act(at)
	} else if value := at.get(); value != nil {
		e.visit(value, schema, rest, at.bound, act)
	}
}

func member(object map[string]any, key string, bound []any) slot {
	set := func(value any) {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = value
		}
	}
	return slot{func() any { return object[key] }, set, bound}
}

// look reads the value at a path whose [] and {} are bound, nil if absent.
func look(value any, path string, bound []any) any {
	for _, segment := range segments(path) {
		switch segment {
		case "[]":
			list, index := value.([]any), bound[0].(int)
			value, bound = list[index], bound[1:]
		case "{}":
			object, _ := value.(map[string]any)
			value, bound = object[bound[0].(string)], bound[1:]
		default:
			object, _ := value.(map[string]any)
			value = object[strings.Trim(segment, "[]")]
		}
	}
	return value
}

func holds(r rule, object map[string]any, bound []any) bool {
	for path, condition := range r.When {
		if !matches(look(object, path, bound), condition) {
			return false
		}
	}
	for path, condition := range r.Unless {
		if matches(look(object, path, bound), condition) {
			return false
		}
	}
	return true
}

func matches(value, condition any) bool {
	if list, ok := condition.([]any); ok {
		return slices.ContainsFunc(list, func(item any) bool { return matches(value, item) })
	}
	return reflect.DeepEqual(value, condition)
}

func (r rule) act(object map[string]any, at slot) {
	current := at.get()
	switch {
	case r.Remove:
		at.set(nil)
	case r.Round:
		at.set(roundUp(current))
	case r.Fill != "":
		at.set(fill(current, look(object, r.Fill, at.bound)))
	case current != nil:
	case r.ImageTag != "":
		image, _ := look(object, r.ImageTag, at.bound).(string)
		at.set(pullPolicy(image))
	case r.Copy != "":
		at.set(transform(r.As, look(object, r.Copy, at.bound)))
	default:
		at.set(deepCopy(r.Value))
	}
}

func transform(as string, value any) any {
	text, ok := value.(string)
	switch {
	case ok && as == "lowercase":
		return strings.ToLower(text)
	case ok && as == "list":
		return text + "List"
	}
	return deepCopy(value)
}

func fill(target, source any) any {
	from, _ := source.(map[string]any)
	if len(from) == 0 {
		return target
	}
	filled, ok := target.(map[string]any)
	if !ok {
		filled = map[string]any{}
	}
	for key, value := range from {
		if _, exists := filled[key]; !exists {
			filled[key] = value
		}
	}
	return filled
}

func roundUp(value any) any {
	text, ok := value.(quantity)
	if !ok {
		return value
	}
	parsed := resource.MustParse(string(text))
	parsed.RoundUp(resource.Milli)
	return canonicalQuantity(parsed.String())
}

// imagePattern is the grammar of an image reference: domain, path, tag, digest.
var imagePattern = regexp.MustCompile(`^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
	`(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`)

func pullPolicy(image string) string {
	if parts := imagePattern.FindStringSubmatch(image); parts != nil && (parts[1] == "latest" || parts[1] == "" && parts[2] == "") {
		return "Always"
	}
	return "IfNotPresent"
}

func deepCopy(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, child := range value {
			copied[key] = deepCopy(child)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, child := range value {
			copied[i] = deepCopy(child)
		}
		return copied
	}
	return value
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func decode(text []byte) (any, error) {
	var value any
	err := jsonutil.Unmarshal(text, &value)
	return value, err
}
