# What a person or a machine does with this tree. The product has no cgo; only
# the race detector wants it.

targets := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
fuzztime ?= 5s

.PHONY: build test race lint fuzz-short bench conformance cross demo

build:
	CGO_ENABLED=0 go build -trimpath -o bin/artifact ./cmd/artifact

test:
	go test ./...

race:
	CGO_ENABLED=1 go test -race -short ./...

lint:
	.ci/lint

fuzz-short:
	.ci/fuzz $(fuzztime)

bench:
	go run ./testnet/bench

# Builds what is missing of the programs of others, some ten minutes at
# first, into .cache; continuous integration leaves it out.
conformance:
	go run ./testnet/conformance/install
	go test -count=1 -v ./testnet/conformance

cross:
	.ci/cross $(targets)

demo:
	go run ./testnet/demo
