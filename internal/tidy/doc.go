// Package tidy holds the rules of the house that a compiler does not know: who may import whom, and what
// a pure package must not touch. It has tests only.
package tidy
