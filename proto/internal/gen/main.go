// Command gen compiles weir's Protocol Buffers schemas and writes the Go code for them. It needs nothing but Go: the
// compiler and the two plugins are modules pinned in go.mod. With -ts it also writes the TypeScript code of a client's
// session, by the plugin that "npm ci" puts into edge/browser/node_modules.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	plugin := flag.String("ts-plugin", "edge/browser/node_modules/.bin/protoc-gen-es", "`path` of protoc-gen-es, for -ts")
	ts := flag.String("ts", "", "also write TypeScript, into this `folder`")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: gen [-ts FOLDER [-ts-plugin PATH]] SCHEMA_DIR OUT_DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), flag.Arg(1), *ts, *plugin); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// browserSchemas are those that a session needs; the server API is none of a browser's business.
var browserSchemas = []string{"weir/v1/event.proto", "weir/v1/session.proto"}

func run(ctx context.Context, schemas, out, ts, tsPlugin string) error {
	names, err := schemaNames(schemas)
	if err != nil {
		return err
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{schemas}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(ctx, names...)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String("module=weir/proto"),
		ProtoFile:      withImports(files),
	}
	for _, plugin := range []string{"protoc-gen-go", "protoc-gen-connect-go"} {
		if plugin == "protoc-gen-connect-go" {
			request.Parameter = proto.String("module=weir/proto,simple")
		}
		if err := runPlugin(exec.CommandContext(ctx, "go", "tool", plugin), request, out); err != nil {
			return fmt.Errorf("%s: %w", plugin, err)
		}
	}
	if ts == "" {
		return nil
	}
	request.FileToGenerate = browserSchemas
	request.Parameter = proto.String("target=ts,import_extension=js")
	if err := runPlugin(exec.CommandContext(ctx, tsPlugin), request, ts); err != nil {
		return fmt.Errorf("%s: %w", tsPlugin, err)
	}
	return nil
}

// schemaNames lists the schemas below dir, as import paths.
func schemaNames(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".proto" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	return names, err
}

// withImports lists the descriptors of files and of all they import, each after its imports, as plugins expect.
func withImports(files linker.Files) []*descriptorpb.FileDescriptorProto {
	var all []*descriptorpb.FileDescriptorProto
	seen := map[string]bool{}
	var visit func(protoreflect.FileDescriptor)
	visit = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			visit(f.Imports().Get(i).FileDescriptor)
		}
		all = append(all, protoutil.ProtoFromFileDescriptor(f))
	}
	for _, f := range files {
		visit(f)
	}
	return all
}

// runPlugin has a plugin answer request, and writes the files that it returns below out.
func runPlugin(cmd *exec.Cmd, request *pluginpb.CodeGeneratorRequest, out string) error {
	input, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(output, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s", strings.TrimSpace(response.GetError()))
	}
	for _, file := range response.File {
		path := filepath.Join(out, filepath.FromSlash(file.GetName()))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
