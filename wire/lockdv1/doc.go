// Package lockdv1 is the protobuf package lockd.v1 in Go: the service that clients of any
// language speak, its HTTP/JSON gateway and its OpenAPI document. All but this file and
// openapi.go is generated from wire/lockd/v1/lockd.proto by wire/generate.sh; the meaning of
// each call, field and code is written there.
package lockdv1
