package simulation

// A bug is a way to be wrong on purpose. A simulation that finds none of them finds nothing.
type bug int

const (
	noBug bug = iota
	acksBeforeCommit
	losesLog
	votesTwice
	keepsDedupeToItself
	tellsRefusalsOfOpen
	sendsInAnyOrder
	ignoresTerms
	servesOn
	resumesOffByOne
	sendsTwice
	ignoresEpochs
	goesBack
	trimsSilently
)

// bugs says what each is, and within how many histories it must be found.
var bugs = []struct {
	bug    bug
	called string
	within int
}{
	{acksBeforeCommit, "a leader acknowledges before a majority has the entry", 200},
	{losesLog, "a node acknowledges entries to its leader before they are on disk", 400},
	{votesTwice, "a node votes for two in one term", 1000},
	{keepsDedupeToItself, "followers do not keep the dedupe table", 200},
	{tellsRefusalsOfOpen, "an edge tells a refusal though an earlier attempt may have been accepted, which frees the number", 1000},
	{sendsInAnyOrder, "the outbox sends in any order", 200},
	{ignoresTerms, "a node takes what was meant for it in an earlier term", 1000},
	{servesOn, "a node goes on serving followers when it has lost the lead", 200},
	{resumesOffByOne, "a reader resumes one event too late", 200},
	{sendsTwice, "an edge sends an event that a reader has", 200},
	{ignoresEpochs, "an edge goes on by offset in another epoch", 200},
	{goesBack, "an edge takes a cursor of a later epoch for one of an earlier", 1000},
	{trimsSilently, "a gap is not told", 400},
}
