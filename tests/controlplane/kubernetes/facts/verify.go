// Proving the rules: sample objects of every kind, defaulted by the rules and by Kubernetes, must have the same normal form.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// verify compares samples of every kind, seeded 0 … samples-1, and fails with the paths that differ.
func verify(e *engine, schemes []*runtime.Scheme, kinds []kindFact, words map[string][]string, samples int64) error {
	p := &prober{engine: e, schemes: schemes}
	p.excepted = withoutExceptions(e)
	var failures []string
	for _, kind := range kinds {
		paths := map[string]string{}
		for seed := range samples {
			if err := p.verifySample(kind, seed, words, paths); err != nil {
				return fmt.Errorf("%s, seed %d: %w", kind.Schema, seed, err)
			}
		}
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			failures = append(failures, fmt.Sprintf("%s: %s: %s", kind.Schema, path, paths[path]))
		}
	}
	fmt.Fprintf(os.Stderr, "facts: %d samples of each of %d kinds\n", samples, len(kinds))
	if len(failures) > 0 {
		return fmt.Errorf("the rules and Kubernetes disagree:\n%s", strings.Join(failures, "\n"))
	}
	return nil
}

func (p *prober) verifySample(kind kindFact, seed int64, words map[string][]string, paths map[string]string) error {
	text, err := json.Marshal(newSampler(p.engine, seed, words).object(kind))
	if err != nil {
		return err
	}
	want, err := p.served(kind, text)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	decoded, err := decode(text)
	if err != nil {
		return err
	}
	reference := map[string]any{"$ref": kind.Schema}
	p.normalise(decoded, reference)
	p.descend(decoded, reference)
	for _, value := range []any{decoded, want} {
		p.excepted.descend(value, reference)
		p.normalise(value, reference)
	}
	differences(decoded, any(want), "", func(path string, ours, theirs any) {
		if _, known := paths[path]; !known {
			paths[path] = fmt.Sprintf("seed %d: ours %s, Kubernetes %s", seed, jsonText(ours), jsonText(theirs))
		}
	})
	return nil
}

// served is what a server answers to a get: decoded, defaulted, converted to the internal version, stored as protobuf and back.
func (p *prober) served(kind kindFact, text []byte) (map[string]any, error) {
	gvk := schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
	scheme := schemeOf(p.schemes, gvk)
	object, err := scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, object); err != nil {
		return nil, err
	}
	scheme.Default(object)
	if object, err = converted(scheme, gvk, object); err != nil {
		return nil, err
	}
	if object, err = stored(object); err != nil {
		return nil, err
	}
	scheme.Default(object)
	if object, err = converted(scheme, gvk, object); err != nil {
		return nil, err
	}
	object.GetObjectKind().SetGroupVersionKind(gvk)
	return p.encoded(kind, object)
}

func converted(scheme *runtime.Scheme, gvk schema.GroupVersionKind, object runtime.Object) (runtime.Object, error) {
	internal, err := scheme.ConvertToVersion(object, schema.GroupVersion{Group: gvk.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		return nil, err
	}
	return scheme.ConvertToVersion(internal, gvk.GroupVersion())
}

func stored(object runtime.Object) (runtime.Object, error) {
	message, ok := object.(interface {
		Marshal() ([]byte, error)
		Unmarshal([]byte) error
	})
	if !ok {
		return object, nil
	}
	data, err := message.Marshal()
	if err != nil {
		return nil, err
	}
	read := reflect.New(reflect.TypeOf(object).Elem()).Interface().(runtime.Object)
	return read, read.(interface{ Unmarshal([]byte) error }).Unmarshal(data)
}

// withoutExceptions is an engine whose only rules remove the exceptions.
func withoutExceptions(e *engine) *engine {
	facts := map[string]*typeFact{}
	for name, fact := range e.facts {
		copied := *fact
		copied.Defaults = nil
		facts[name] = &copied
	}
	for _, entry := range exceptions {
		fact := facts[entry.component]
		fact.Defaults = append(fact.Defaults, rule{Path: entry.path, Remove: true})
	}
	return newEngine(facts)
}

// differences reports the paths at which two normal forms differ, list indexes as [].
func differences(ours, theirs any, path string, report func(path string, ours, theirs any)) {
	left, leftOK := ours.(map[string]any)
	right, rightOK := theirs.(map[string]any)
	if leftOK && rightOK {
		names := map[string]bool{}
		for name := range left {
			names[name] = true
		}
		for name := range right {
			names[name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			differences(left[name], right[name], path+"."+name, report)
		}
		return
	}
	leftList, leftOK := ours.([]any)
	rightList, rightOK := theirs.([]any)
	if leftOK && rightOK && len(leftList) == len(rightList) {
		for i := range leftList {
			differences(leftList[i], rightList[i], path+"[]", report)
		}
	} else if !reflect.DeepEqual(ours, theirs) {
		report(path, ours, theirs)
	}
}
