// Package browser holds what an edge gives to browsers: the SDK as /weir.js, and the demonstration page.
//
// The files in dist are made from the TypeScript sources beside this file by internal/bundle. The SDK is served as a package
// for npm, too.
package browser

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed dist package.json README.md
var embedded embed.FS

// Files returns what internal/bundle has made: weir.js, its types, and the demonstration in demo.
func Files() fs.FS {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(fmt.Sprintf("browser: %v", err)) // "dist" is a valid path
	}
	return dist
}
