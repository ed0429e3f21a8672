package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// certificateFiles are the PEM files of one side of TLS connections. What is empty is not used.
type certificateFiles struct {
	certificate, key, ca string
}

func (f certificateFiles) any() bool { return f.certificate != "" || f.key != "" || f.ca != "" }

// load reads the files into a configuration, and the certificates that others are checked against into pool. The names of the two
// settings are for errors.
func (f certificateFiles) load(certificateSetting, keySetting string, config *tls.Config, pool **x509.CertPool) error {
	if (f.certificate == "") != (f.key == "") {
		return usageError("%s and %s belong together: one of them is missing", certificateSetting, keySetting)
	}
	if f.certificate != "" {
		pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
		if err != nil {
			return usageError("%s %s, %s %s: %w", certificateSetting, f.certificate, keySetting, f.key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if f.ca == "" {
		return nil
	}
	text, err := os.ReadFile(f.ca)
	if err != nil {
		return usageError("certificates of authorities: %w", err)
	}
	*pool = x509.NewCertPool()
	if !(*pool).AppendCertsFromPEM(text) {
		return usageError("certificates of authorities: %s holds no certificate in PEM form", f.ca)
	}
	return nil
}
