package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockd/wal"
)

func TestDevServesAndCleansUp(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	var about devCluster
	var p *process
	for about.Endpoints == nil { // until its ports are free
		p = prepare(t, "dev", "--output", "json", "--base-port", strconv.Itoa(randomBase()))
		p.command.Env = append(p.command.Env, "TMPDIR="+temporary)
		p.run()
		if line, err := p.lines.ReadString('\n'); err == nil {
			require.NoError(t, json.Unmarshal([]byte(line), &about))
		}
	}
	require.Len(t, about.Endpoints, devNodes)
	require.DirExists(t, about.Data)
	require.Equal(t, temporary, filepath.Dir(about.Data))

	endpoints := []string{"LOCKD_ENDPOINTS=" + strings.Join(about.Endpoints, ",")}
	require.Zero(t, lockd(endpoints, "acquire", "x").code)
	require.Zero(t, lockd(endpoints, "status").code)
	response, err := http.Get(about.HTTP[1] + "/readyz")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)

	p.signal(unix.SIGINT)
	got := p.wait()
	require.Zero(t, got.code, got.errors)
	require.NoDirExists(t, about.Data)
}

func TestDevKeepsItsDataWhereItIsTold(t *testing.T) {
	data := t.TempDir()
	nodes, err := startAnywhere(data)
	require.NoError(t, err)
	require.NoError(t, awaitReady(nodes))
	require.NoError(t, stopAll(nodes))
	for i := range devNodes {
		require.DirExists(t, filepath.Join(data, strconv.Itoa(i+1)))
	}
}

func TestDevSaysWhatToTryNext(t *testing.T) {
	var out strings.Builder
	devCluster{
		Endpoints: []string{"127.0.0.1:7500", "127.0.0.1:7510", "127.0.0.1:7520"},
		HTTP:      []string{"http://127.0.0.1:7502", "http://127.0.0.1:7512", "http://127.0.0.1:7522"}, Data: "/data",
	}.text(&out)
	for _, said := range []string{
		"ready: three nodes, data in /data", "node 2   gRPC 127.0.0.1:7510   http://127.0.0.1:7512",
		"export LOCKD_ENDPOINTS=127.0.0.1:7500,127.0.0.1:7510,127.0.0.1:7520", "lockd lock demo --", "curl -L -X POST http://127.0.0.1:7502/v1", "lockd status",
	} {
		require.Contains(t, out.String(), said)
	}
	out.Reset()
	devCluster{Endpoints: defaultEndpoints, HTTP: []string{"a", "b", "c"}}.text(&out)
	require.NotContains(t, out.String(), "export", "these are where the commands look anyway")
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	base, err := strconv.Atoi(port)
	require.NoError(t, err)
	got := lockd(nil, "dev", "--base-port", strconv.Itoa(base-10))
	require.Equal(t, exitSystem, got.code)
	require.Contains(t, got.errors, "address already in use")
	require.Contains(t, got.errors, "choose another port with --base-port")
	for _, wrong := range []string{"0", "65530", "99999"} {
		require.Equal(t, exitUsage, lockd(nil, "dev", "--base-port", wrong).code)
	}
}

func TestServeRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	const peers = "1=127.0.0.1:7401,2=127.0.0.1:7411"
	for name, c := range map[string]struct {
		arguments []string
		says      string
	}{
		"no id":           {nil, "--id is missing (or LOCKD_ID, or the key id in the configuration file)"},
		"no data":         {[]string{"--id=1"}, "--data is missing"},
		"no peers":        {[]string{"--id=1", "--data=x"}, "--peers is missing"},
		"two with one id": {[]string{"--id=1", "--data=x", "--peers=1=a:1,1=b:1"}, "two members have the number 1"},
		"one address":     {[]string{"--id=1", "--data=x", "--peers=1=a:1,2=a:1"}, "--peers: members 1 and 2 have the same address a:1"},
		"no such port":    {[]string{"--id=1", "--data=x", "--peers=1=a:99999"}, `--peers, member 1: "a:99999" has no port: "99999" is none`},
		"without oneself": {[]string{"--id=3", "--data=x", "--peers", peers}, "--peers does not name this node, which is --id 3"},
		"open to clients": {[]string{"--id=1", "--data=x", "--peers", peers, "--listen=0.0.0.0:1"}, "--listen 0.0.0.0:1 is reachable from other machines: give --client-cert and --client-key, or --insecure"},
		"open to peers":   {[]string{"--id=1", "--data=x", "--peers=1=10.0.0.1:7401"}, "--peer-listen 10.0.0.1:7401 is reachable from other machines: give --peer-cert, --peer-key and --peer-ca"},
		"open by HTTP":    {[]string{"--id=1", "--data=x", "--peers", peers, "--http-listen=:1"}, "--http-listen :1 is reachable from other machines"},
		"a name":          {[]string{"--id=1", "--data=x", "--peers", peers, "--listen=localhost.example:1"}, "reachable from other machines"},
		"no address":      {[]string{"--id=1", "--data=x", "--peers", peers, "--listen=:1", "--insecure"}, "--listen :1 names no address that clients could use: say it with --advertise"},
		"no port":         {[]string{"--id=1", "--data=x", "--peers", peers, "--listen=here"}, `--listen: "here" is not of the form host:port`},
		"no peer's port":  {[]string{"--id=1", "--data=x", "--peers=1=here"}, `--peers, member 1: "here" is not of the form host:port`},
		"advertised":      {[]string{"--id=1", "--data=x", "--peers", peers, "--advertise=here"}, `--advertise: "here" is not of the form host:port`},
		"slow heartbeat":  {[]string{"--id=1", "--data=x", "--peers", peers, "--heartbeat=0.2"}, "--heartbeat 200ms is more than a third of --election-timeout 300ms"},
		"half of a pair":  {[]string{"--id=1", "--data=x", "--peers", peers, "--client-cert=x"}, "--client-cert and --client-key belong together"},
		"peers unchecked": {[]string{"--id=1", "--data=x", "--peers", peers, "--peer-cert=x", "--peer-key=y"}, "--peer-cert, --peer-key and --peer-ca are needed together"},
		"no certificate":  {[]string{"--id=1", "--data=x", "--peers", peers, "--client-ca=x"}, "only with --client-cert and --client-key"},
	} {
		t.Run(name, func(t *testing.T) {
			got := lockd(nil, append([]string{"serve"}, c.arguments...)...)
			require.Equal(t, exitUsage, got.code, got.errors)
			require.Contains(t, got.errors, c.says)
		})
	}
}

func TestADirectoryInUseIsNamed(t *testing.T) {
	t.Parallel()
	sharedCluster(t)
	data := filepath.Join(shared.directory, "1")
	got := lockd(nil, "serve", "--id", "1", "--data", data, "--peers", "1=127.0.0.1:0", "--listen", "127.0.0.1:0", "--http-listen", "none")
	require.Equal(t, exitSystem, got.code)
	require.Contains(t, got.errors, data)
	require.Contains(t, got.errors, "does another lockd run there?")
}

// freePort is one that nobody uses at the moment.
func freePort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestTLSFromEndToEnd(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	authority := newAuthority(t, directory)
	node, operator, stranger := authority.issue(t, "node"), authority.issue(t, "operator"), newAuthority(t, t.TempDir()).issue(t, "stranger")

	clients, peers := make([]string, 3), make([]string, 3)
	for i := range peers {
		clients[i], peers[i] = freePort(t), strconv.Itoa(i+1)+"="+freePort(t)
	}
	for i, address := range clients {
		p := prepare(t, "serve", "--id", strconv.Itoa(i+1), "--data", filepath.Join(directory, strconv.Itoa(i+1)), "--peers", strings.Join(peers, ","),
			"--listen", address, "--http-listen", "none", "--log-level", "error",
			"--peer-cert", node.certificate, "--peer-key", node.key, "--peer-ca", authority.file,
			"--client-cert", node.certificate, "--client-key", node.key, "--client-ca", authority.file)
		p.run()
		defer func() {
			p.signal(syscall.SIGTERM)
			require.Zero(t, p.wait().code, p.errors)
		}()
	}
	reach := []string{"--endpoints", strings.Join(clients, ","), "--tls-ca", authority.file}
	as := func(who certificateFiles, arguments ...string) outcome {
		return lockd(nil, append(append(arguments, reach...), "--tls-cert", who.certificate, "--tls-key", who.key)...)
	}
	got := as(operator, "acquire", "x")
	require.Zero(t, got.code, got.errors)
	require.Equal(t, exitUnavailable, as(stranger, "status").code, "another authority's certificate")
	require.Equal(t, exitUnavailable, lockd(nil, append([]string{"show", "x", "--timeout", "0.3"}, reach...)...).code, "no certificate")
	require.Equal(t, exitUnavailable, lockd(nil, "show", "x", "--timeout", "0.3", "--endpoints", clients[0]).code, "no TLS")
	require.Equal(t, exitUsage, as(certificateFiles{certificate: node.certificate, key: "/nowhere"}, "status").code)
}

func TestASecondSignalEndsANodeAtOnce(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	signals <- unix.SIGTERM
	signals <- unix.SIGINT
	nodes, err := startAnywhere(t.TempDir())
	require.NoError(t, err)
	err = untilStopped(nodes, signals)
	if err != nil { // else the node was faster
		require.Equal(t, 128+2, exitCode(err))
	}
	require.NoError(t, nodes[0].Stop(context.Background()))
	require.NoError(t, nodes[1].Stop(context.Background()))
	require.NoError(t, nodes[2].Stop(context.Background()))
}

func TestAPortInUseIsNamedByItsFlag(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	common := []string{"serve", "--id", "1", "--peers", "1=127.0.0.1:0", "--log-level", "error"}
	for flag, others := range map[string][]string{
		"--peer-listen": {"--listen", "127.0.0.1:0", "--http-listen", "none"},
		"--listen":      {"--http-listen", "none"},
		"--http-listen": {"--listen", "127.0.0.1:0"},
	} {
		got := lockd(nil, append(append(common, others...), "--data", t.TempDir(), flag, taken.Addr().String())...)
		require.Equal(t, exitSystem, got.code, got.errors)
		require.Contains(t, got.errors, "("+flag+")")
		require.Contains(t, got.errors, "choose another port")
	}
}

func TestADamagedDirectoryIsToldWithWhatCanBeDone(t *testing.T) {
	err := explainStart(fmt.Errorf("data directory: %w", &wal.DamageError{File: "identity", Reason: "the file is missing"}), "")
	require.Equal(t, exitSystem, exitCode(err))
	require.Contains(t, err.Error(), "identity is damaged at byte 0: the file is missing: the node can't tell who it was or what it has promised, and refuses to serve rather than forget it")
	require.Contains(t, err.Error(), "or replace the member: see lockd help member")
}
