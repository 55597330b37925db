package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// configFlag is the name of the flag that names the file.
const configFlag = "config"

// notInFile lists flags that a configuration file must not set.
var notInFile = []string{configFlag, "help"}

// configFile gives flags their values from the YAML file that --config names. Each key is a flag's name without the
// dashes in front. What stands on the command line or in the environment goes first. Unknown keys are errors: a
// misspelt setting shall not be taken for one that is set.
type configFile struct {
	values map[string]any // of the file; nil until it is read
}

// Validate has nothing to check before the command is known.
func (*configFile) Validate(*kong.Application) error { return nil }

// Resolve returns the value for flag, nil where the file says nothing about it.
func (c *configFile) Resolve(command *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == configFlag {
		return nil, nil
	}
	path, known := configPath(command)
	if path == "" {
		return nil, nil
	}
	if c.values == nil {
		var err error
		if c.values, err = readConfig(path, known); err != nil {
			return nil, err
		}
	}
	value, ok := c.values[flag.Name]
	if !ok || slices.ContainsFunc(flag.Envs, isSet) {
		return nil, nil
	}
	return flagValue(path, flag, value)
}

// configPath returns the file that the command line or the environment names, and the flags that it may set.
func configPath(command *kong.Context) (path string, known []string) {
	for _, flag := range command.Flags() {
		if flag.Name == configFlag {
			path, _ = command.FlagValue(flag).(string)
			if path == "" {
				path = firstSet(flag.Envs)
			}
		}
		if !slices.Contains(notInFile, flag.Name) {
			known = append(known, flag.Name)
		}
	}
	return path, known
}

func isSet(env string) bool {
	_, ok := os.LookupEnv(env)
	return ok
}

func firstSet(envs []string) string {
	for _, env := range envs {
		if value, ok := os.LookupEnv(env); ok {
			return value
		}
	}
	return ""
}

// readConfig returns what the file sets. The errors are usage errors with the place in the file.
func readConfig(path string, known []string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("", "can't read the configuration: %w", err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalWithOptions(text, &values, yaml.Strict()); err != nil {
		var positioned yaml.Error
		if errors.As(err, &positioned) {
			at := positioned.GetToken().Position
			return nil, usagef("", "%s:%d:%d: %s", path, at.Line, at.Column, positioned.GetMessage())
		}
		return nil, usagef("", "%s: %w", path, err)
	}
	for key := range values {
		if !slices.Contains(known, key) {
			return nil, usagef("it may set "+strings.Join(slices.Sorted(slices.Values(known)), ", "),
				"%s: this command has no setting %q", path, key)
		}
	}
	return values, nil
}

// flagValue turns a YAML value into what kong parses: a list for flags that repeat, else text.
func flagValue(path string, flag *kong.Flag, value any) (any, error) {
	if list, ok := value.([]any); ok && flag.IsSlice() {
		texts := make([]string, len(list))
		for i, item := range list {
			texts[i] = fieldText(item)
		}
		return strings.Join(texts, string(cmp.Or(flag.Tag.Sep, ','))), nil
	}
	switch value := value.(type) {
	case bool:
		return value, nil
	case string, uint64, int64, float64:
		return fmt.Sprint(value), nil
	}
	return nil, usagef("", "%s: the setting %q takes a single value", path, flag.Name)
}

// fieldText writes a map as "key=value,...", which is how flags take what has several fields.
func fieldText(item any) string {
	fields, ok := item.(map[string]any)
	if !ok {
		return fmt.Sprint(item)
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		texts = append(texts, fmt.Sprint(key, "=", fields[key]))
	}
	return strings.Join(texts, ",")
}
