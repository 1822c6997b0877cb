// Tests that the proof has teeth: without any one rule, samples and Kubernetes disagree.
package main

import (
	"slices"
	"testing"
)

// enoughSamples is how many objects of a kind may be needed until one depends on a given rule.
const enoughSamples = 20000

func TestEveryRuleIsProved(t *testing.T) {
	api, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	schemes := serverSchemes()
	facts, err := typeFacts(api, schemes)
	if err != nil {
		t.Fatal(err)
	}
	for name, fact := range facts {
		rules := fact.Defaults
		for i, dropped := range rules {
			fact.Defaults = slices.Delete(slices.Clone(rules), i, i+1)
			p := &prober{engine: newEngine(facts), schemes: schemes}
			p.excepted = withoutExceptions(p.engine)
			if !p.disagrees(t, api, name) {
				t.Errorf("no sample needs the rule %s of %s", jsonText(dropped), name)
			}
		}
		fact.Defaults = rules
	}
}

// disagrees tells whether any sample of a kind that contains the component differs from Kubernetes.
func (p *prober) disagrees(t *testing.T, api *openAPI, component string) bool {
	t.Helper()
	kinds := slices.DeleteFunc(slices.Clone(api.kinds), func(kind kindFact) bool { return !p.contains(kind, component) })
	for seed := range int64(enoughSamples) {
		for _, kind := range kinds {
			paths := map[string]string{}
			if err := p.verifySample(kind, seed, api.words, paths); err != nil {
				t.Fatal(err)
			}
			if len(paths) > 0 {
				return true
			}
		}
	}
	return false
}

func (p *prober) contains(kind kindFact, component string) bool {
	found := false
	p.places(place{[]string{kind.Schema}, [][]string{nil}}, func(at place) {
		found = found || at.components[len(at.components)-1] == component
	})
	return found
}
