// Reading Kubernetes' Go types: which fields are pointers, what is left out of JSON when zero, and merge keys.
package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// typeFact is one component: its stripped schema and what only the Go type says.
type typeFact struct {
	Type         string            `json:"type"`
	Omitempty    []string          `json:"omitempty,omitempty"`
	Always       []string          `json:"always,omitempty"`
	Structs      []string          `json:"structs,omitempty"`
	MergeKeys    map[string]string `json:"mergeKeys,omitempty"`
	Alternatives map[string]string `json:"alternatives,omitempty"`
	Defaults     []rule            `json:"defaults,omitempty"`
	Schema       map[string]any    `json:"schema"`

	byName map[string]map[string]any
}

// field is one JSON member of a Go struct, embedded structs flattened.
type field struct {
	name                string
	typ                 reflect.Type
	omitempty, omitzero bool
	mergeKey            string
}

// goTypes finds the Go type of every component that the kinds reach.
func goTypes(schemes []*runtime.Scheme, kinds []kindFact) (map[string]reflect.Type, error) {
	types := map[string]reflect.Type{}
	for _, kind := range kinds {
		gvk := schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
		scheme := schemeOf(schemes, gvk)
		if scheme == nil {
			return nil, fmt.Errorf("no scheme knows %v", gvk)
		}
		root := scheme.AllKnownTypes()[gvk]
		if err := collectTypes(root, types); err != nil {
			return nil, err
		}
		if types[kind.Schema] != root {
			return nil, fmt.Errorf("%v: the Go type %v is not the component %s", gvk, root, kind.Schema)
		}
	}
	return types, nil
}

func schemeOf(schemes []*runtime.Scheme, gvk schema.GroupVersionKind) *runtime.Scheme {
	for _, scheme := range schemes {
		if scheme.Recognizes(gvk) {
			return scheme
		}
	}
	return nil
}

func collectTypes(t reflect.Type, types map[string]reflect.Type) error {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return collectTypes(t.Elem(), types)
	case reflect.Struct:
	default:
		return nil
	}
	if name := modelName(t); name != "" {
		if known, ok := types[name]; ok {
			if known != t {
				return fmt.Errorf("component %s is both %v and %v", name, known, t)
			}
			return nil
		}
		types[name] = t
	}
	members, err := fields(t)
	if err != nil {
		return err
	}
	for _, member := range members {
		if err := collectTypes(member.typ, types); err != nil {
			return err
		}
	}
	return nil
}

// modelName is the OpenAPI component of a Go type, or "" where it has none.
func modelName(t reflect.Type) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	if named, ok := reflect.New(t).Interface().(interface{ OpenAPIModelName() string }); ok {
		return named.OpenAPIModelName()
	}
	return ""
}

func fields(t reflect.Type) ([]field, error) {
	var members []field
	for i := range t.NumField() {
		member := t.Field(i)
		if !member.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(member.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && member.Anonymous && member.Type.Kind() == reflect.Struct:
			inline, err := fields(member.Type)
			if err != nil {
				return nil, err
			}
			members = append(members, inline...)
		case name == "" && member.Anonymous && member.Type.Kind() == reflect.Pointer:
			return nil, fmt.Errorf("%v embeds the pointer %v", t, member.Type)
		case name == "":
		default:
			flags := strings.Split(options, ",")
			members = append(members, field{
				name: name, typ: member.Type, mergeKey: member.Tag.Get("patchMergeKey"),
				omitempty: slices.Contains(flags, "omitempty"), omitzero: slices.Contains(flags, "omitzero"),
			})
		}
	}
	return members, nil
}

// goFacts fills in what the Go type of a component says.
func (fact *typeFact) goFacts(t reflect.Type) error {
	members, err := fields(t)
	if err != nil {
		return err
	}
	properties, _ := fact.Schema["properties"].(map[string]any)
	if len(properties) == 0 {
		fact.alternatives(t)
		return nil
	}
	for _, member := range members {
		property, ok := properties[member.name].(map[string]any)
		if !ok {
			return fmt.Errorf("%s has no property %s, but %v has the field", fact.Type, member.name, t)
		}
		fact.memberFacts(member)
		if member.typ.Kind() == reflect.Pointer {
			if kind := member.typ.Elem().Kind(); kind == reflect.Slice || kind == reflect.Map {
				return fmt.Errorf("%v.%s is a pointer to a %v: empty and absent differ there", t, member.name, kind)
			}
		}
		if member.mergeKey != "" && property["x-kubernetes-list-map-keys"] == nil {
			if fact.MergeKeys == nil {
				fact.MergeKeys = map[string]string{}
			}
			fact.MergeKeys[member.name] = member.mergeKey
		}
	}
	slices.Sort(fact.Omitempty)
	slices.Sort(fact.Always)
	slices.Sort(fact.Structs)
	return nil
}

func (fact *typeFact) memberFacts(member field) {
	bytes := member.typ.Kind() == reflect.Slice && member.typ.Elem().Kind() == reflect.Uint8
	switch {
	case member.typ.Kind() == reflect.Pointer || member.typ.Kind() == reflect.Interface:
	case member.typ.Kind() == reflect.Struct:
		if !scalarStruct(member.typ) {
			fact.Structs = append(fact.Structs, member.name)
		}
		if member.omitzero {
			fact.Omitempty = append(fact.Omitempty, member.name)
		} else {
			fact.Always = append(fact.Always, member.name)
		}
	case !member.omitempty && !member.omitzero:
		fact.Always = append(fact.Always, member.name)
	case bytes || member.typ.Kind() != reflect.Slice && member.typ.Kind() != reflect.Map:
		fact.Omitempty = append(fact.Omitempty, member.name)
	}
}

// scalarStruct tells Go structs that JSON shows as one scalar or as raw JSON (Quantity, IntOrString, Time, RawExtension …).
func scalarStruct(t reflect.Type) bool {
	_, value := reflect.Zero(t).Interface().(interface{ MarshalJSON() ([]byte, error) })
	_, pointer := reflect.New(t).Interface().(interface{ MarshalJSON() ([]byte, error) })
	return value || pointer
}

// alternatives names the components behind a schema without properties, as JSONSchemaPropsOrArray is.
func (fact *typeFact) alternatives(t reflect.Type) {
	found := map[string]string{}
	for i := range t.NumField() {
		switch member := t.Field(i).Type; member.Kind() {
		case reflect.Pointer:
			found["object"] = modelName(member.Elem())
		case reflect.Slice:
			found["array"] = modelName(member.Elem())
		}
	}
	maps.DeleteFunc(found, func(_, name string) bool { return name == "" })
	if len(found) > 0 {
		fact.Alternatives = found
	}
}
