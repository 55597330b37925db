// Package cases lists the examples that the protocol's test vectors are made of.
package cases

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Files returns the content of each vector file by its name.
func Files() (map[string][]byte, error) {
	frames, err := Frames()
	if err != nil {
		return nil, err
	}
	views, err := Views()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, list := range map[string]any{"frames.json": frames, "malformed.json": MalformedInputs(), "views.json": views} {
		content, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = append(content, '\n')
	}
	return files, nil
}

// messageJSON returns m in Protocol Buffers' JSON form, without the spaces that protojson varies from build to build.
func messageJSON(m proto.Message) (json.RawMessage, error) {
	loose, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, loose); err != nil {
		return nil, err
	}
	return tight.Bytes(), nil
}
