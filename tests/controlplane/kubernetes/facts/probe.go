// Finding unconditional defaults by probing Kubernetes' defaulting functions, one object at every place of every kind.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// place is an object inside a kind: the components on the way to it, and the path below each.
type place struct {
	components []string
	paths      [][]string
}

// finding is what a field of a place is given when absent, nil if nothing; rounded for a quantity that is rounded up.
type finding struct {
	place
	value any
}

type rounded struct{}

type prober struct {
	*engine
	schemes  []*runtime.Scheme
	excepted *engine
	written  map[string]bool
	findings []finding
}

// probe returns the unconditional defaults by component; those that a hand-written rule covers are left out.
func probe(e *engine, schemes []*runtime.Scheme, kinds []kindFact, written map[string]bool) (map[string][]rule, error) {
	p := &prober{engine: e, schemes: schemes, written: written}
	for _, kind := range kinds {
		if err := p.kind(kind); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Schema, err)
		}
	}
	return p.generalise()
}

func (p *prober) kind(kind kindFact) error {
	root := place{[]string{kind.Schema}, [][]string{nil}}
	var failed error
	p.places(root, func(at place) {
		if err := p.probePlace(kind, at); err != nil && failed == nil {
			failed = err
		}
	})
	return failed
}

// places calls visit for every object below a place, itself included; a component inside itself is entered once.
func (p *prober) places(at place, visit func(place)) {
	visit(at)
	component := at.components[len(at.components)-1]
	for _, name := range slices.Sorted(maps.Keys(p.facts[component].properties())) {
		p.child(at, p.facts[component].properties()[name], []string{name}, visit)
	}
}

func (p *prober) child(at place, property map[string]any, path []string, visit func(place)) {
	if name, ok := property["$ref"].(string); ok {
		if !slices.Contains(at.components, name) && len(p.facts[name].properties()) > 0 {
			p.places(at.below(name, path), visit)
		}
	} else if items, ok := property["items"].(map[string]any); ok {
		p.child(at, items, append(slices.Clone(path), "[]"), visit)
	} else if values, ok := property["additionalProperties"].(map[string]any); ok {
		p.child(at, values, append(slices.Clone(path), "{}"), visit)
	}
}

func (at place) below(component string, path []string) place {
	next := place{append(slices.Clone(at.components), component), nil}
	for _, known := range at.paths {
		next.paths = append(next.paths, append(slices.Clone(known), path...))
	}
	next.paths = append(next.paths, nil)
	return next
}

func (p *prober) probePlace(kind kindFact, at place) error {
	given, err := p.defaulted(kind, at.paths[0], map[string]any{})
	if err != nil {
		return err
	}
	component := at.components[len(at.components)-1]
	for name, property := range p.facts[component].properties() {
		if err := p.probeRounding(kind, at, name, property); err != nil {
			return err
		}
		field := at.field(name)
		if p.kept[component][name] || slices.ContainsFunc(field.keys(), func(key string) bool { return p.written[key] }) {
			continue
		}
		value := given[name]
		if _, isObject := value.(map[string]any); isObject {
			explicit, err := p.defaulted(kind, at.paths[0], map[string]any{name: map[string]any{}})
			if err != nil {
				return err
			}
			if reflect.DeepEqual(explicit[name], value) {
				value = map[string]any{}
			}
		}
		p.findings = append(p.findings, finding{field, value})
	}
	return nil
}

// probeRounding gives a map of quantities a value too fine to be kept.
func (p *prober) probeRounding(kind kindFact, at place, name string, property map[string]any) error {
	values, _ := property["additionalProperties"].(map[string]any)
	if values["$ref"] != quantityType {
		return nil
	}
	given, err := p.defaulted(kind, at.paths[0], map[string]any{name: map[string]any{"k": "0.0001"}})
	if err != nil {
		return err
	}
	found := finding{place: at.field(name, "{}")}
	if look(given, name+"{}", []any{"k"}) == quantity("0.001") {
		found.value = rounded{}
	}
	p.findings = append(p.findings, found)
	return nil
}

// field is the place of a member, named by the components that the place is inside of.
func (at place) field(path ...string) place {
	field := at.below("", path)
	return place{at.components, field.paths[:len(at.components)]}
}

// keys names the field by every component on the way to it.
func (at place) keys() []string {
	var keys []string
	for i, component := range at.components {
		keys = append(keys, component+" "+joined(at.paths[i]))
	}
	return keys
}

func joined(path []string) string {
	return strings.NewReplacer(".[]", "[]", ".{}", "{}").Replace(strings.Join(path, "."))
}

// defaulted puts an object at a path of an otherwise empty kind, runs Kubernetes' defaulting and returns the object after it.
func (p *prober) defaulted(kind kindFact, path []string, object map[string]any) (map[string]any, error) {
	var document any = object
	for _, segment := range slices.Backward(path) {
		switch segment {
		case "[]":
			document = []any{document}
		case "{}":
			document = map[string]any{"k": document}
		default:
			document = map[string]any{segment: document}
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	result, err := p.serverDefaults(kind, text)
	if err != nil {
		return nil, err
	}
	bound := []any{}
	for _, segment := range path {
		switch segment {
		case "[]":
			bound = append(bound, 0)
		case "{}":
			bound = append(bound, "k")
		}
	}
	found, _ := look(result, joined(path), bound).(map[string]any)
	return found, nil
}

// serverDefaults decodes an object as the server does, applies Kubernetes' defaulting functions and returns its normal form.
func (p *prober) serverDefaults(kind kindFact, text []byte) (map[string]any, error) {
	gvk := schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
	scheme := schemeOf(p.schemes, gvk)
	object, err := scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, object); err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	scheme.Default(object)
	return p.encoded(kind, object)
}

func (e *engine) encoded(kind kindFact, object runtime.Object) (map[string]any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	value, err := decode(text)
	if err != nil {
		return nil, err
	}
	e.normalise(value, map[string]any{"$ref": kind.Schema})
	return value.(map[string]any), nil
}

// generalise states each default at the smallest component where it is the same in every context.
func (p *prober) generalise() (map[string][]rule, error) {
	rules := map[string][]rule{}
	open := p.findings
	for level := 1; len(open) > 0; level++ {
		groups := map[string][]finding{}
		for _, found := range open {
			last := len(found.components) - level
			if last < 0 {
				return nil, fmt.Errorf("the default of %v differs where its kind is inside another", found.keys())
			}
			key := found.keys()[last]
			groups[key] = append(groups[key], found)
		}
		open = nil
		for _, key := range slices.Sorted(maps.Keys(groups)) {
			group := groups[key]
			differs := func(f finding) bool { return !reflect.DeepEqual(f.value, group[0].value) }
			if slices.ContainsFunc(group, differs) {
				open = append(open, group...)
			} else if group[0].value != nil {
				component, path, _ := strings.Cut(key, " ")
				found := rule{Path: path, Value: group[0].value}
				if _, ok := found.Value.(rounded); ok {
					found = rule{Path: path, Round: true}
				}
				rules[component] = append(rules[component], found)
			}
		}
	}
	for _, list := range rules {
		slices.SortFunc(list, func(a, b rule) int { return strings.Compare(a.Path, b.Path) })
	}
	return rules, nil
}
