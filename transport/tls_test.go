package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/transport"
)

// authority makes the certificates of one owner.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return &authority{certificate, key}
}

// mutual is a configuration with a certificate of this authority, which trusts the other one's.
func (a *authority) mutual(t *testing.T, trusted *authority) *tls.Config {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "member"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(trusted.certificate)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}},
		RootCAs:      pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func TestMembersOfOneAuthorityHearEachOther(t *testing.T) {
	ours := newAuthority(t)
	all := newMembers(t, 2, func(_ *member, c *transport.PeersConfig) { c.TLS = ours.mutual(t, ours) })
	await(t, func() bool { return all[0].connected(2) && all[1].connected(1) })
	all[0].Send([]raft.Envelope{{From: 1, To: 2, Message: &raft.StaleTerm{Term: 9}}})
	await(t, func() bool { return all[1].received() == 1 })
}

func TestAMemberWithAForeignCertificateIsNotHeard(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	all := newMembers(t, 2, func(m *member, c *transport.PeersConfig) {
		c.TLS = ours.mutual(t, ours)
		if m.id == 2 {
			c.TLS = foreign.mutual(t, ours)
		}
	})
	await(t, func() bool { return all[0].logged("certificate") && all[1].logged("certificate") })
	require.False(t, all[0].connected(2) || all[1].connected(1))
}
