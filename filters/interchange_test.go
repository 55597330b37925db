package filters

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/filters/examples"
)

// TestInstancesAreInterchangeable asks two filters of one module the same questions in different orders, again and again, on
// whatever instances are at hand. Each question must get the same answer, for the same fuel.
func TestInstancesAreInterchangeable(t *testing.T) {
	engine := newEngine(t, Config{CacheDir: t.TempDir()})
	for seed := range seeds(t, "WEIR_SEED", "WEIR_SEEDS", 4) {
		rng := rand.New(rand.NewPCG(seed, 3))
		example := examples.All()[rng.IntN(len(examples.All()))]
		filters := []*Filter{open(t, engine, example.Module), open(t, engine, example.Module)}
		questions := randomQuestions(t, rng, filters[0], example)
		known := make([]string, len(questions))
		for range 40 * len(questions) {
			f, i := filters[rng.IntN(2)], rng.IntN(len(questions))
			var answer string
			fuel := spent(f, func() { answer = questions[i](f) })
			answer += fmt.Sprintf(", %d fuel", fuel)
			if known[i] == "" {
				known[i] = answer
			}
			if known[i] != answer {
				t.Fatalf("seed %d, %s, question %d: %s, and %s before", seed, example.Name, i, answer, known[i])
			}
		}
	}
}

// A question is a call of a filter, and returns what it answered.
type question func(f *Filter) string

// randomQuestions makes a handful of calls of each kind that the filter knows.
func randomQuestions(t *testing.T, rng *rand.Rand, f *Filter, example examples.Example) (questions []question) {
	prepared := prepare(t, f, example.Params)
	for range 5 {
		ev, set := event(t, randomPayload(rng)), &Set{}
		for range 1 + rng.IntN(200) {
			set.Add(prepared)
		}
		questions = append(questions,
			func(f *Filter) string { return told(f.Prepare(t.Context(), []byte(example.Params))) },
			func(f *Filter) string { return told(f.Prepare(t.Context(), []byte("{"))) },
			func(f *Filter) string {
				verdicts := NewBitmap(set.Slots())
				return told(verdicts, f.Match(t.Context(), ev, set, verdicts))
			})
		if slices.Contains(f.Manifest().Abilities, AbilityProject) {
			questions = append(questions, func(f *Filter) string { return told(f.Project(t.Context(), ev, prepared, nil)) })
		}
		if slices.Contains(f.Manifest().Abilities, AbilityKeys) {
			questions = append(questions, func(f *Filter) string { return told(f.Keys(t.Context(), ev, nil)) })
		}
	}
	return questions
}

func told[T any](answer T, err error) string { return fmt.Sprintf("%v, %v", answer, err) }

// randomPayload has the fields that the examples look for, and some of a length by chance.
func randomPayload(rng *rand.Rand) string {
	return fmt.Sprintf(`{"lon":%v,"lat":%v,"delay":%d,"origin":%q,"topic":%q,"email":"a@b","padding":"%0*d"}`,
		rng.Float64()*20, 40+rng.Float64()*10, rng.IntN(120), []string{"ORD", "ZRH"}[rng.IntN(2)],
		[]string{"news", "chess"}[rng.IntN(2)], rng.IntN(3000), 0)
}
