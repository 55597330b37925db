// Package wasm reads the structure of WebAssembly modules (Core Specification 2.0, chapter 5): as much of it as is needed
// to tell an author what is wrong with a module, and to rewrite its code. It does not check types; wazero does.
package wasm
