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
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// waitFor is the command "waitfor FILE...": it waits until the files are there.
func waitFor(ts *testscript.TestScript, _ bool, files []string) {
	for _, f := range files {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if info, err := os.Stat(ts.MkAbs(f)); err == nil && (info.Size() > 0 || !info.Mode().IsRegular()) {
				break
			}
			if time.Now().After(end) {
				ts.Fatalf("there is no %s", f)
			}
		}
	}
}

// certificates is the command "certificates NAME...": for each it makes an
// authority, in NAME-ca.pem, and a certificate of it for localhost and its key,
// in NAME.pem and NAME.key.
func certificates(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		ca, caKey := certificate(ts, name+"-ca", nil, nil)
		certificate(ts, name, ca, caKey)
	}
}

func certificate(ts *testscript.TestScript, name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: parent == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	ts.Check(err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	ts.Check(err)
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(block), 0o600))
	}
	c, err = x509.ParseCertificate(der)
	ts.Check(err)
	return c, key
}
