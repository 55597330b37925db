// Command weir is a pub/sub relay for live applications that decides at the edge which events reach whom.
package main

import (
	"os"

	"weir/deploy/cli"
)

func main() { os.Exit(cli.Main()) }
