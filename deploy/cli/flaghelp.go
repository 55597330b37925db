package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// flagHelp is a flag's help, with its default, which kong leaves out where there is a placeholder, and its variable.
func flagHelp(v *kong.Value) string {
	if v.Flag == nil || !v.HasDefault || v.Default == "" || v.Flag.PlaceHolder == "" {
		return kong.DefaultHelpValueFormatter(v)
	}
	documented := *v
	documented.Help = strings.TrimSuffix(v.Help, ".") + " (default: " + v.Default + ")."
	return kong.DefaultHelpValueFormatter(&documented)
}
