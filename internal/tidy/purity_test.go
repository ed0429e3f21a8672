package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// pure are the packages that decide. Equal inputs must give equal outputs, on every machine.
var pure = []string{"lockd/raft", "lockd/lockfsm", "lockd/server", "lockd/client/session", "lockd/linearizability"}

// harmless is what they may import beside each other; of time and math/rand/v2 only what stands below.
var harmless = []string{
	"bytes", "cmp", "encoding/binary", "errors", "fmt", "hash/crc32", "iter", "maps", "math", "math/bits", "math/rand/v2",
	"slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// allowed is what one of them may import beside that: the judges of histories read them from a stream that they are given, and porcupine
// searches one lock at a time, in one goroutine.
var allowed = map[string][]string{
	"lockd/linearizability": {"bufio", "encoding/json", "io", "github.com/anishathalye/porcupine"},
}

// permitted names of packages that also have names which reach for the outside.
var permitted = map[string][]string{
	"time":         {"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"},
	"math/rand/v2": {"Source", "Rand", "New", "PCG", "NewPCG"},
}

func TestPurePackages(t *testing.T) {
	for _, p := range load(t, pure...) {
		require.Empty(t, impurities(p), "%s must be pure", p.PkgPath)
	}
}

// TestThatTheRuleBites plants one of each.
func TestThatTheRuleBites(t *testing.T) {
	found := impurities(load(t, "./testdata/impure")[0])
	for _, wanted := range []string{
		"imports os", "starts a goroutine", "has a channel", "selects", "sends", "receives", "ranges over a map", "takes the keys of a map unsorted",
		"uses time.Now", "uses math/rand/v2.Int", "computes with a float",
	} {
		require.True(t, slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, wanted) }), "%q is not noticed in %q", wanted, found)
	}
}

func load(t *testing.T, patterns ...string) []*packages.Package {
	mode := packages.NeedName | packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedFiles
	loaded, err := packages.Load(&packages.Config{Mode: mode}, patterns...)
	require.NoError(t, err)
	for _, p := range loaded {
		require.Empty(t, p.Errors, p.PkgPath)
		require.NotEmpty(t, p.Syntax, "%s has no files", p.PkgPath)
	}
	return loaded
}

// impurities lists everything in a package that could make two runs differ.
func impurities(p *packages.Package) (found []string) {
	note := func(at token.Pos, what string, args ...any) {
		found = append(found, fmt.Sprintf("%s %s", p.Fset.Position(at), fmt.Sprintf(what, args...)))
	}
	for path := range p.Imports {
		if !slices.Contains(harmless, path) && !slices.Contains(pure, path) && !slices.Contains(allowed[p.PkgPath], path) {
			note(token.NoPos, "imports %s", path)
		}
	}
	for _, file := range p.Syntax {
		sorted := map[ast.Expr]bool{} // arguments of slices.Sorted
		ast.Inspect(file, func(node ast.Node) bool {
			inspectNode(p.TypesInfo, node, sorted, note)
			return true
		})
	}
	return found
}

func inspectNode(info *types.Info, node ast.Node, sorted map[ast.Expr]bool, note func(token.Pos, string, ...any)) {
	switch n := node.(type) {
	case *ast.GoStmt:
		note(n.Pos(), "starts a goroutine")
	case *ast.ChanType:
		note(n.Pos(), "has a channel")
	case *ast.SelectStmt:
		note(n.Pos(), "selects")
	case *ast.SendStmt:
		note(n.Pos(), "sends")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			note(n.Pos(), "receives")
		}
	case *ast.RangeStmt:
		if _, is := info.TypeOf(n.X).Underlying().(*types.Map); is {
			note(n.Pos(), "ranges over a map")
		}
	case *ast.CallExpr:
		inspectCall(info, n, sorted, note)
	case *ast.SelectorExpr:
		inspectName(info, n, note)
	case *ast.BinaryExpr:
		if basic, is := info.TypeOf(n).Underlying().(*types.Basic); is && basic.Info()&types.IsFloat != 0 {
			note(n.Pos(), "computes with a float")
		}
	}
}

// inspectCall allows the keys of a map where they are sorted at once.
func inspectCall(info *types.Info, call *ast.CallExpr, sorted map[ast.Expr]bool, note func(token.Pos, string, ...any)) {
	switch calledName(info, call) {
	case "slices.Sorted", "slices.SortedFunc":
		sorted[call.Args[0]] = true
	case "maps.Keys", "maps.Values", "maps.All":
		if !sorted[call] {
			note(call.Pos(), "takes the keys of a map unsorted")
		}
	}
}

func calledName(info *types.Info, call *ast.CallExpr) string {
	selector, is := call.Fun.(*ast.SelectorExpr)
	if !is {
		return ""
	}
	object := info.Uses[selector.Sel]
	if object == nil || object.Pkg() == nil {
		return ""
	}
	return object.Pkg().Path() + "." + object.Name()
}

func inspectName(info *types.Info, selector *ast.SelectorExpr, note func(token.Pos, string, ...any)) {
	qualifier, is := selector.X.(*ast.Ident)
	if !is {
		return
	}
	name, is := info.Uses[qualifier].(*types.PkgName)
	if !is {
		return
	}
	path := name.Imported().Path()
	if allowed, limited := permitted[path]; limited && !slices.Contains(allowed, selector.Sel.Name) {
		note(selector.Pos(), "uses %s.%s", path, selector.Sel.Name)
	}
}
