package cli

// maxDiffLines is how many lines are compared one by one: the table below has a cell for each pair.
const maxDiffLines = 1000

// diffLines returns the lines of both texts: those of want alone with a "-" in front, those of got alone with a "+", the
// others, of which there are as many as possible, with a space.
func diffLines(want, got []string) []string {
	if len(want) > maxDiffLines || len(got) > maxDiffLines {
		return append(prefixed("- ", want), prefixed("+ ", got)...)
	}
	// common[i][j] is how many lines want[i:] and got[j:] have in common.
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []string
	i, j := 0, 0
	for i < len(want) && j < len(got) {
		switch {
		case want[i] == got[j]:
			lines = append(lines, "  "+want[i])
			i++
			j++
		case common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+want[i])
			i++
		default:
			lines = append(lines, "+ "+got[j])
			j++
		}
	}
	return append(append(lines, prefixed("- ", want[i:])...), prefixed("+ ", got[j:])...)
}

func prefixed(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = prefix + line
	}
	return out
}
