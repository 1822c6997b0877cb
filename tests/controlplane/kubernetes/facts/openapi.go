// Reading Kubernetes' own OpenAPI v3 documents: which kinds can be listed, and the schemas that they reach.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

const refPrefix = "#/components/schemas/"

// kindFact is one listable built-in resource.
type kindFact struct {
	Group      string `json:"group"`
	Version    string `json:"version"`
	Kind       string `json:"kind"`
	Plural     string `json:"plural"`
	Namespaced bool   `json:"namespaced"`
	Schema     string `json:"schema"`
}

type groupVersionKind struct {
	Group, Version, Kind string
}

type openAPI struct {
	kinds   []kindFact
	schemas map[string]map[string]any
	// words are values for samples: by "component property" what its description names, by "property" what conditions of rules name.
	words map[string][]string
}

type document struct {
	Paths map[string]struct {
		Get *struct {
			Action string           `json:"x-kubernetes-action"`
			GVK    groupVersionKind `json:"x-kubernetes-group-version-kind"`
		} `json:"get"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]map[string]any `json:"schemas"`
	} `json:"components"`
}

// readOpenAPI reads the documents that the k8s.io/kubernetes module carries, and keeps the listable kinds and every schema
// that one of them reaches.
func readOpenAPI() (*openAPI, error) {
	dir, err := moduleDir("k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "api/openapi-spec/v3/*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no OpenAPI documents in %s: %v", dir, err)
	}
	api := &openAPI{schemas: map[string]map[string]any{}}
	differing := map[string]string{}
	for _, file := range files {
		if err := api.readDocument(file, differing); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := api.resolveKinds(); err != nil {
		return nil, err
	}
	api.words = conditionWords()
	api.keepReachable()
	for name := range api.schemas {
		if file, ok := differing[name]; ok {
			return nil, fmt.Errorf("component %s differs between documents, seen in %s", name, file)
		}
	}
	return api, nil
}

func (api *openAPI) readDocument(file string, differing map[string]string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	for name, schema := range doc.Components.Schemas {
		if known, ok := api.schemas[name]; ok && !reflect.DeepEqual(known, schema) {
			differing[name] = file
		}
		api.schemas[name] = schema
	}
	for path, item := range doc.Paths {
		if item.Get == nil || item.Get.Action != "list" || strings.Contains(path, "/watch/") {
			continue
		}
		gvk, plural := item.Get.GVK, path[strings.LastIndex(path, "/")+1:]
		api.kinds = append(api.kinds, kindFact{
			Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Plural: plural,
			Namespaced: strings.HasSuffix(path, "/namespaces/{namespace}/"+plural),
		})
	}
	return nil
}

// resolveKinds merges the list path of one namespace with that of all namespaces, and finds each kind's component.
func (api *openAPI) resolveKinds() error {
	components := map[groupVersionKind][]string{}
	for name, schema := range api.schemas {
		list, _ := schema["x-kubernetes-group-version-kind"].([]any)
		for _, item := range list {
			gvk := item.(map[string]any)
			key := groupVersionKind{gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string)}
			components[key] = append(components[key], name)
		}
	}
	merged := map[groupVersionKind]kindFact{}
	for _, kind := range api.kinds {
		key := groupVersionKind{kind.Group, kind.Version, kind.Kind}
		if len(components[key]) != 1 {
			return fmt.Errorf("%v has the components %v, want exactly one", key, components[key])
		}
		if known, ok := merged[key]; ok && known.Plural != kind.Plural {
			return fmt.Errorf("%v is listed at %s and at %s", key, known.Plural, kind.Plural)
		}
		kind.Schema = components[key][0]
		kind.Namespaced = kind.Namespaced || merged[key].Namespaced
		merged[key] = kind
	}
	api.kinds = slices.SortedFunc(maps.Values(merged), func(a, b kindFact) int {
		return strings.Compare(a.Group+"/"+a.Version+"/"+a.Kind, b.Group+"/"+b.Version+"/"+b.Kind)
	})
	return nil
}

// keepReachable drops the components that no listable kind reaches; ListMeta stays, for readers of lists.
func (api *openAPI) keepReachable() {
	kept := map[string]map[string]any{}
	var visit func(name string)
	visit = func(name string) {
		if _, seen := kept[name]; seen || api.schemas[name] == nil {
			return
		}
		schema := strip(api.schemas[name])
		api.collectWords(name, api.schemas[name])
		kept[name] = schema
		references(schema, visit)
	}
	for _, kind := range api.kinds {
		visit(kind.Schema)
	}
	visit("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")
	for name := range kept {
		if stem, ok := strings.CutSuffix(name, ".JSONSchemaProps"); ok {
			visit(stem + ".JSONSchemaProps")
		}
	}
	api.schemas = kept
}

// references calls visit with each component that a stripped schema refers to.
func references(schema map[string]any, visit func(name string)) {
	if ref, ok := schema["$ref"].(string); ok {
		visit(ref)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if child, ok := schema[key].(map[string]any); ok {
			references(child, visit)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		references(properties[name].(map[string]any), visit)
	}
}

var keptKeywords = []string{
	"type", "format", "required", "default", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
	"x-kubernetes-patch-merge-key", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
	"x-kubernetes-embedded-resource",
}

// strip keeps of a schema what a comparison needs; an allOf of one reference becomes that reference.
func strip(schema map[string]any) map[string]any {
	kept := map[string]any{}
	for _, key := range keptKeywords {
		if value, ok := schema[key]; ok {
			kept[key] = value
		}
	}
	if ref, ok := schema["$ref"].(string); ok {
		kept["$ref"] = strings.TrimPrefix(ref, refPrefix)
	}
	if all, ok := schema["allOf"].([]any); ok && len(all) == 1 {
		maps.Copy(kept, strip(all[0].(map[string]any)))
	}
	for _, key := range []string{"items", "additionalProperties"} {
		switch child := schema[key].(type) {
		case map[string]any:
			kept[key] = strip(child)
		case bool:
			kept[key] = child
		}
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		stripped := make(map[string]any, len(properties))
		for name, child := range properties {
			stripped[name] = strip(child.(map[string]any))
		}
		kept["properties"] = stripped
	}
	return kept
}

var quotedWord = regexp.MustCompile("[\"`]([A-Z][A-Za-z]+)[\"`]")

// collectWords gathers the quoted words of the properties' descriptions: enumerations are written there.
func (api *openAPI) collectWords(component string, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		description, _ := properties[name].(map[string]any)["description"].(string)
		for _, word := range quotedWord.FindAllStringSubmatch(description, -1) {
			key := component + " " + name
			if !slices.Contains(api.words[key], word[1]) {
				api.words[key] = append(api.words[key], word[1])
			}
		}
	}
}

// conditionWords gathers the strings that conditions of written rules compare with, by the last member of their path.
func conditionWords() map[string][]string {
	words := map[string][]string{}
	for _, entry := range writtenRules {
		for _, rule := range entry.rules {
			for _, table := range []conditions{rule.When, rule.Unless} {
				for path, condition := range table {
					list, ok := condition.([]any)
					if !ok {
						list = []any{condition}
					}
					path := segments(path)
					for _, item := range list {
						if word, ok := item.(string); ok && !slices.Contains(words[path[len(path)-1]], word) {
							words[path[len(path)-1]] = append(words[path[len(path)-1]], word)
						}
					}
				}
			}
		}
	}
	for _, list := range words {
		slices.Sort(list)
	}
	return words
}
