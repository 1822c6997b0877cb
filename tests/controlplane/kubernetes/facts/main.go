// Writes src/drift/kubernetes.jsonl: what a comparison must know of the built-in kinds and OpenAPI does not say.
//
//	go run ./facts -o FILE      verify the facts against Kubernetes' own code, then write them
//	go run ./facts -check FILE  the same, but exit 1 if FILE is stale
//	-samples N                  prove the rules by N objects of each kind instead of 300
//
// # Format
//
// One JSON object a line: kinds by group, version and kind, then allocated fields, then types by name. "Component" is a name of
// OpenAPI's components.schemas, without prefix (io.k8s.api.core.v1.Container).
//
//	{"kind": {"group", "version", "kind", "plural", "namespaced", "schema"}}
//
// a listable resource; "schema" is its component, group "" is core.
//
//	{"allocated": {"group", "kind", "path", "when", "unless", "source"}}
//
// a field that the server, its admission plugins or its controllers fill in where the manifest omits it, with all that is below it. It
// applies to every version of the kind that has the path; group and kind "*" mean every kind. Paths and conditions are those of rules
// (below), conditions read the live object; a[k] on a list of scalars is its element k, and [] is any element. "source" names the Kubernetes file.
//
//	{"type": COMPONENT, "omitempty", "always", "structs", "mergeKeys", "alternatives", "defaults", "schema"}
//
// a component; every member but type and schema is left out when empty.
//
//   - schema: the OpenAPI v3 schema without descriptions. $ref holds a component; a property with $ref may have a sibling "default".
//     What a schema calls default is incomplete and partly a mere zero: only the rules of defaults are to be applied.
//   - omitempty: fields (JSON names) whose Go field is no pointer and that the server leaves out of JSON while they are zero.
//   - always: fields that are no pointers and that the server always writes, zero or not (creationTimestamp: null, status: {},
//     resources: {}, divisor: "0", name: "").
//   - structs: those of omitempty and always whose Go type is a struct with fields: {} is absence there. All other objects that
//     are no string-keyed maps are pointers: {} is a value.
//   - mergeKeys: list field → merge key of a strategic merge patch, where the schema has no x-kubernetes-list-map-keys.
//   - alternatives: for a schema without properties, the component of the value when it is an "object", and of each element when
//     it is an "array" (JSONSchemaPropsOrArray, …OrBool, …OrStringArray). Any other value there is literal.
//   - defaults: the rules of the type, in the order in which they apply.
//
// # Normal form
//
// Two objects of a built-in kind mean the same when their normal forms are equal. From the leaves up, by schema and facts:
//
//  1. A member with value null is dropped; so is a member whose value is an empty list, or an empty string-keyed map.
//  2. A field in omitempty or always is dropped when zero: false, 0, "", a Quantity of 0, an IntOrString of 0 or "".
//  3. A field in structs is dropped when it is {} after its own members were normalised.
//  4. List elements and values of maps are normalised inside but never dropped. Quantities compare by value.
//  5. Values without schema (components JSON, RawExtension, FieldsV1, and what alternatives do not name) are literal.
//
// # Defaults
//
// Defaults apply to a normal form; afterwards the object is normalised once more.
//
// Walk from the kind's component down, parents before children. At an object of a component apply its rules in order, then go
// into its properties in any order: into every object, element and map value that is there, and into every absent field of
// structs as if it were {} (keep it if a rule filled it). So a rule sees its type's object as all earlier rules left it, with the
// defaults of its children still missing.
//
// A rule has a path, one action, and conditions.
//
//	path  a.b        members, from the type's object
//	      a[]        each element of list a
//	      a{}        each value of map a
//	      a[k/e.y]   the member k/e.y of a, where the key is no plain name
//
// Parents on the way: an absent string-keyed map or field of structs is created; any other absent parent means that the rule does not
// apply there. In copy, fill, imageTag, when and unless, paths start at the type's object as well, and their [] and {} stand for
// the very element that the rule's path is at.
//
//	value V      set V
//	copy PATH    set what is at PATH, nothing if absent; "as": "lowercase" lowers it, "as": "list" appends "List"
//	imageTag P   Always if the image at P has tag latest, or has neither tag nor digest; else, also if it is absent or no valid
//	             reference (imagePattern in apply.go is the grammar), IfNotPresent
//	fill PATH    for maps: add each key of the map at PATH that the target lacks, the target itself too if absent
//	remove       drop the target
//	round        replace the quantity by the same rounded up (away from zero) to a multiple of 0.001, as decimal ("1m")
//
// value, copy and imageTag apply only where the target is absent; fill, remove and round as described.
//
//	when   {PATH: C}  all must hold          C is a scalar: equal to it; null: absent; a list: any of its members
//	unless {PATH: C}  none may hold
//
// Verified are all rules but strategyRules (allocated.go), on samples without raw JSON and with name, labels and annotations as
// metadata; rules.go lists the exceptions. The rules assume the default feature gates of this Kubernetes version. Defaults of list map keys are ordinary rules of the element type.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
)

func main() {
	output := flag.String("o", "", "write the facts to this file")
	samples := flag.Int64("samples", 300, "how many random objects of each kind prove the rules")
	check := flag.String("check", "", "exit 1 unless this file holds the facts of today")
	flag.Parse()
	if err := run(*output, *check, *samples); err != nil {
		fmt.Fprintln(os.Stderr, "facts:", err)
		os.Exit(1)
	}
}

func run(output, check string, samples int64) error {
	data, err := generate(samples)
	if err != nil {
		return err
	}
	if output != "" {
		if err := os.WriteFile(output, data, 0o644); err != nil {
			return err
		}
	}
	if check != "" {
		committed, err := os.ReadFile(check)
		if err != nil {
			return err
		}
		if !bytes.Equal(committed, data) {
			return fmt.Errorf("%s is stale: run `go run ./facts -o %s` in tests/controlplane/kubernetes", check, check)
		}
	}
	return nil
}

func generate(samples int64) ([]byte, error) {
	api, err := readOpenAPI()
	if err != nil {
		return nil, err
	}
	schemes := serverSchemes()
	facts, err := typeFacts(api, schemes)
	if err != nil {
		return nil, err
	}
	if err := verify(newEngine(facts), schemes, api.kinds, api.words, samples); err != nil {
		return nil, err
	}
	appendRules(facts, strategyRules)
	allocated, err := allocatedFacts(newEngine(facts), api.kinds)
	if err != nil {
		return nil, err
	}
	return encode(api.kinds, allocated, facts)
}

// typeFacts are the facts of every component, with the rules that verify proves.
func typeFacts(api *openAPI, schemes []*runtime.Scheme) (map[string]*typeFact, error) {
	types, err := goTypes(schemes, api.kinds)
	if err != nil {
		return nil, err
	}
	facts := map[string]*typeFact{}
	for name, schema := range api.schemas {
		facts[name] = &typeFact{Type: name, Schema: schema}
		if t, ok := types[name]; ok {
			if err := facts[name].goFacts(t); err != nil {
				return nil, err
			}
		}
	}
	return facts, addDefaults(facts, schemes, api.kinds)
}

// addDefaults gives every type its rules: the probed ones, then the written ones in their order.
func addDefaults(facts map[string]*typeFact, schemes []*runtime.Scheme, kinds []kindFact) error {
	for name := range facts["io.k8s.api.core.v1.Volume"].properties() {
		if name != "name" {
			noVolumeSource[name] = absent
		}
	}
	written := map[string]bool{}
	for _, entry := range exceptions {
		written[entry.component+" "+entry.path] = true
	}
	for _, entry := range writtenRules {
		for _, rule := range entry.rules {
			written[entry.component+" "+rule.Path] = true
		}
	}
	probed, err := probe(newEngine(facts), schemes, kinds, written)
	if err != nil {
		return err
	}
	for component, rules := range probed {
		facts[component].Defaults = rules
	}
	appendRules(facts, writtenRules)
	return nil
}

func appendRules(facts map[string]*typeFact, tables []typeRules) {
	for _, entry := range tables {
		facts[entry.component].Defaults = append(facts[entry.component].Defaults, entry.rules...)
	}
}

func encode(kinds []kindFact, allocated []allocatedFact, facts map[string]*typeFact) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for _, kind := range kinds {
		if err := encoder.Encode(map[string]kindFact{"kind": kind}); err != nil {
			return nil, err
		}
	}
	for _, fact := range allocated {
		if err := encoder.Encode(map[string]allocatedFact{"allocated": fact}); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		if err := encoder.Encode(facts[name]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
