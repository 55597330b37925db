package filters

// Abilities: what a module can do beyond the necessary.
const (
	AbilityProject = "project"
	AbilityKeys    = "keys"
)

// A Manifest is what is known about a module without running it.
type Manifest struct {
	// Digest is the SHA-256 of the module as uploaded.
	Digest [32]byte
	// SizeBytes is its length.
	SizeBytes int
	// Abilities lists what it exports beyond the necessary, in alphabetical order.
	Abilities []string
	// MemoryPages is how much linear memory an instance begins with, in pages of 64 KiB.
	MemoryPages uint32
	// MaxPages is what it may grow to by its own declaration. 0: it declares nothing.
	MaxPages uint32
}
