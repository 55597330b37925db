package entry

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"weir/hub/internal/publication"
	"weir/proto/logpb"
)

// Fields of logpb.Entry, Append and Submission. An Append is written by hand, as it has all publications.
const (
	entryTime, entryProposal, entryShard, entryAppend = 1, 2, 3, 5

	appendSettings, appendSubmissions = 1, 2

	submissionSettings, submissionPublication = 1, 2
)

// sizeOfAppend bounds what appendAppend appends, in bytes.
func sizeOfAppend(c *logpb.Append) int {
	const head = 4 * (1 + 10) // time, proposal, shard, and the length of the command
	return head + sizeAppend(c)
}

// appendAppend appends an entry with an Append as Protocol Buffers write it.
func appendAppend(dst []byte, e *logpb.Entry, c *logpb.Append) ([]byte, error) {
	dst = appendNumber(dst, entryTime, uint64(e.GetTimeMs()))
	dst = appendNumber(dst, entryProposal, e.GetProposal())
	dst = appendNumber(dst, entryShard, uint64(e.GetShard()))
	dst = appendLength(dst, entryAppend, sizeAppend(c))
	var err error
	for _, settings := range c.GetSettings() {
		dst = appendLength(dst, appendSettings, proto.Size(settings))
		if dst, err = (proto.MarshalOptions{UseCachedSize: true}).MarshalAppend(dst, settings); err != nil {
			return nil, err
		}
	}
	for _, s := range c.GetSubmissions() {
		published := publication.Size(s.GetPublication())
		dst = appendLength(dst, appendSubmissions, sizeSubmission(s, published))
		dst = appendNumber(dst, submissionSettings, uint64(s.GetSettings()))
		if s.GetPublication() == nil {
			continue
		}
		dst = appendLength(dst, submissionPublication, published)
		if dst, err = publication.Append(dst, s.GetPublication()); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func sizeAppend(c *logpb.Append) int {
	n := 0
	for _, settings := range c.GetSettings() {
		n += 1 + protowire.SizeBytes(proto.Size(settings))
	}
	for _, s := range c.GetSubmissions() {
		n += 1 + protowire.SizeBytes(sizeSubmission(s, publication.Size(s.GetPublication())))
	}
	return n
}

// sizeSubmission returns the size of a submission whose publication has so many bytes.
func sizeSubmission(s *logpb.Submission, published int) int {
	n := 0
	if s.GetSettings() != 0 {
		n += 1 + protowire.SizeVarint(uint64(s.GetSettings()))
	}
	if s.GetPublication() != nil {
		n += 1 + protowire.SizeBytes(published)
	}
	return n
}

// appendLength appends the beginning of a field of so many bytes.
func appendLength(dst []byte, number protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.BytesType), uint64(n))
}
