package service

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Module is where a module's source is, and its version.
type Module struct{ Directory, Version string }

// FindModule asks the go command, which must run inside of this module.
func FindModule(ctx context.Context, path string) (Module, error) {
	output, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}\t{{.Version}}", path).Output()
	if err != nil {
		return Module{}, fmt.Errorf("go list -m %s: %w", path, err)
	}
	directory, version, _ := strings.Cut(strings.TrimSpace(string(output)), "\t")
	return Module{directory, version}, nil
}

// build compiles a program, in the module that is in the directory. Empty: in this one.
func build(ctx context.Context, directory, program, binary string) error {
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	command.Dir = directory
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", program, err, output)
	}
	return nil
}
