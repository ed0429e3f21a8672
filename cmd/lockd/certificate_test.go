package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority signs certificates for tests.
type authority struct {
	directory, file string
	certificate     *x509.Certificate
	key             *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, directory string) *authority {
	t.Helper()
	a := &authority{directory: directory, key: newKey(t)}
	template := template("authority")
	template.IsCA, template.KeyUsage, template.BasicConstraintsValid = true, x509.KeyUsageCertSign, true
	signed, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	require.NoError(t, err)
	a.certificate, err = x509.ParseCertificate(signed)
	require.NoError(t, err)
	a.file = a.write(t, "authority.pem", "CERTIFICATE", signed)
	return a
}

// issue makes a certificate for this machine, good for servers and clients.
func (a *authority) issue(t *testing.T, name string) certificateFiles {
	t.Helper()
	key := newKey(t)
	signed, err := x509.CreateCertificate(rand.Reader, template(name), a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return certificateFiles{
		certificate: a.write(t, name+".pem", "CERTIFICATE", signed),
		key:         a.write(t, name+".key", "PRIVATE KEY", private),
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

func (a *authority) write(t *testing.T, name, kind string, content []byte) string {
	t.Helper()
	path := filepath.Join(a.directory, name)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
	return path
}

func TestFilesThatHoldNoCertificatesAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(path, []byte("nothing"), 0o600))
	got := lockd(nil, "status", "--tls-ca", path)
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.errors, path+" holds no certificate in PEM form")
	require.Contains(t, lockd(nil, "status", "--tls-cert", path, "--tls-key", path).errors, "--tls-cert "+path)
	require.Contains(t, lockd(nil, "status", "--tls-ca", "/nowhere").errors, "/nowhere")
	require.Contains(t, lockd(nil, "status", "--tls-cert", path).errors, "--tls-cert and --tls-key belong together")
}
