#!/bin/sh
# Generates lockdv1 from lockd/v1/lockd.proto. The plugins are built at the versions named
# here into a folder that goes away again, so that the result depends on nobody's PATH.
set -eu
cd "$(dirname "$0")"

command -v protoc >/dev/null || {
	echo "generate.sh: protoc is missing: install it (Debian, Ubuntu: apt-get install protobuf-compiler)" >&2
	exit 1
}

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
for plugin in \
	google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12 \
	google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2 \
	github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@v2.33.0 \
	github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2@v2.33.0
do
	GOBIN="$bin" GOFLAGS=-mod=mod go install "$plugin"
done

PATH="$bin:$PATH" protoc -I . -I third_party \
	--go_out=.. --go_opt=module=lockd \
	--go-grpc_out=.. --go-grpc_opt=module=lockd \
	--grpc-gateway_out=.. --grpc-gateway_opt=module=lockd \
	--openapiv2_out="$bin" --openapiv2_opt=openapi_configuration=lockd/v1/openapi.yaml \
	lockd/v1/lockd.proto
mv "$bin/lockd/v1/lockd.swagger.json" lockdv1/lockd.swagger.json
