package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// overlay writes the mutated files, and the list with which the go command puts them over the real ones.
func (m mutant) overlay(root, scratch string) (string, error) {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for i, file := range m.files {
		original := filepath.Join(root, file.path)
		content, err := os.ReadFile(original)
		if err != nil {
			return "", err
		}
		mutated, err := file.apply(string(content))
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(scratch, fmt.Sprintf("%d-%s", i, filepath.Base(file.path)))
		if err := os.WriteFile(replace[original], []byte(mutated), 0o644); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "overlay.json")
	return path, os.WriteFile(path, list, 0o644)
}

// build makes this program with the mutant in it. What the mutant does not touch comes from the shared build cache.
func (m mutant) build(root, scratch string) (string, error) {
	overlay, err := m.overlay(root, scratch)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(scratch, "chaos")
	// Nobody debugs these, and linking without what a debugger needs takes half the time.
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-overlay", overlay, "-o", binary, "./cmd/chaos")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not build: %w\n%s", err, output)
	}
	return binary, nil
}

func moduleRoot() (string, error) {
	file, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(file))), nil
}
