package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

const (
	variablePrefix = "LOCKD_"
	configSetting  = "config"
)

// exported are the variables that `lockd lock` gives its command. They are no settings, but a lockd that the
// command runs must not refuse them.
var exported = []string{"LOCKD_TOKEN", "LOCKD_NAME"}

// source is where settings come from that no flag gives.
type source struct {
	variables map[string]string    // by the name of the setting
	file      string               // empty: there is none
	keys      map[string]yaml.Node // of the file
}

// applySettings gives the flags of a command that were not given the values of the environment, and then of the file.
func applySettings(command *cobra.Command, environment []string) error {
	known := settingNames(command.Root())
	s := source{}
	var err error
	if s.variables, err = readVariables(environment, known); err != nil {
		return err
	}
	if s.file, err = command.Flags().GetString(configSetting); err != nil {
		panic("lockd: every command has the flag --config: " + err.Error())
	}
	if s.file == "" {
		s.file = s.variables[configSetting]
	}
	if s.file != "" {
		if s.keys, err = readFile(s.file, known); err != nil {
			return err
		}
	}
	var errs []error
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Changed && flag.Name != configSetting {
			errs = append(errs, s.set(command.Flags(), flag))
		}
	})
	return errors.Join(errs...)
}

// settingNames are the flags of all commands, in order.
func settingNames(root *cobra.Command) []string {
	names := map[string]bool{}
	var visit func(*cobra.Command)
	visit = func(command *cobra.Command) {
		add := func(flag *pflag.Flag) { names[flag.Name] = flag.Name != "help" }
		command.LocalFlags().VisitAll(add)
		for _, child := range command.Commands() {
			visit(child)
		}
	}
	visit(root)
	maps.DeleteFunc(names, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(names))
}

func variable(setting string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

func readVariables(environment, known []string) (map[string]string, error) {
	settings := map[string]string{}
	var names []string
	for _, name := range exported {
		names = append(names, strings.TrimPrefix(name, variablePrefix))
	}
	for _, name := range known {
		settings[variable(name)] = name
		names = append(names, strings.TrimPrefix(variable(name), variablePrefix))
	}
	values := map[string]string{}
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) || value == "" || slices.Contains(exported, name) {
			continue
		}
		setting, is := settings[name]
		if !is {
			return nil, usageError("the variable %s is not known to lockd%s", name, meant(variablePrefix, strings.TrimPrefix(name, variablePrefix), names))
		}
		values[setting] = value
	}
	return values, nil
}

func readFile(path string, known []string) (map[string]yaml.Node, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError("configuration: %w", err)
	}
	var keys map[string]yaml.Node
	if err := yaml.Unmarshal(text, &keys); err != nil {
		return nil, usageError("configuration %s: %w", path, err)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key == configSetting || !slices.Contains(known, key) {
			return nil, usageError("configuration %s, line %d: the key %q is not known to lockd%s", path, keys[key].Line, key, meant("", key, known))
		}
	}
	return keys, nil
}

// set gives one flag the strongest value there is.
func (s *source) set(flags *pflag.FlagSet, flag *pflag.Flag) error {
	if value, given := s.variables[flag.Name]; given {
		return setFlag(flags, flag.Name, value, variable(flag.Name))
	}
	node, given := s.keys[flag.Name]
	if !given {
		return nil
	}
	where := fmt.Sprintf("%s, line %d, %s", s.file, node.Line, flag.Name)
	value, err := scalar(&node)
	if err != nil {
		return usageError("configuration %s: %w", where, err)
	}
	return setFlag(flags, flag.Name, value, where)
}

// scalar is a YAML value as a flag would be given it: a list is joined by commas.
func scalar(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.SequenceNode:
		items := make([]string, len(node.Content))
		for i, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return "", fmt.Errorf("item %d is no plain value", i+1)
			}
			items[i] = item.Value
		}
		return strings.Join(items, ","), nil
	case yaml.MappingNode:
		return "", errors.New("this is a map; write a plain value, or a list of them, as in: peers: [1=10.0.0.1:7401, 2=10.0.0.2:7401]")
	}
	return "", errors.New("this is neither a plain value nor a list of them")
}

func setFlag(flags *pflag.FlagSet, name, value, where string) error {
	err := flags.Set(name, value)
	if invalid, is := errors.AsType[*pflag.InvalidValueError](err); is {
		return usageError("%s: %q is no good value: %w", where, value, invalid.Unwrap())
	}
	if err != nil {
		return usageError("%s: %w", where, err)
	}
	return nil
}
