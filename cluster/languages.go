package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Languages lets the examples in other languages grab, check and release a lock. What a language needs and is not
// installed is an error which says so.
func Languages(ctx context.Context, c *Cluster, examples string, output io.Writer) error {
	environment := append(os.Environ(), "LOCKD_ENDPOINTS="+strings.Join(c.Endpoints(), ","))
	for i, n := range c.Nodes { // each member in turn, so that followers are asked as well
		if err := run(ctx, output, examples, append(environment, "LOCKD_HTTP="+n.HTTP), "sh", "curl/grab.sh", fmt.Sprintf("curl/%d", i)); err != nil {
			return fmt.Errorf("curl at member %d: %w", n.ID, err)
		}
	}
	node := filepath.Join(examples, "nodejs")
	if _, err := os.Stat(filepath.Join(node, "node_modules")); err != nil {
		if err := run(ctx, io.Discard, node, environment, "npm", "ci", "--no-audit", "--no-fund"); err != nil {
			return fmt.Errorf("installing what the Node.js example needs: %w", err)
		}
	}
	if err := run(ctx, output, node, environment, "node", "grab.js", "nodejs"); err != nil {
		return fmt.Errorf("node.js: %w", err)
	}
	return nil
}

func run(ctx context.Context, output io.Writer, folder string, environment []string, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir, command.Env = folder, environment
	command.Stdout, command.Stderr = output, output
	return command.Run()
}
