package snapshot

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// blockBytes is what tar pads files to.
const blockBytes = 512

// A stream is the files of a folder one after another, each behind its header. All are open from the start, so that it
// can be read to its end after the folder has been removed.
type stream struct {
	io.Reader
	files []vfs.File
}

// Close closes the files.
func (s *stream) Close() error {
	var err error
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// pack returns a folder's files as a stream, and its length.
func pack(fs vfs.FS, dir string) (_ io.ReadCloser, size int64, err error) {
	s := &stream{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	names, err := fs.List(dir)
	if err != nil {
		return nil, 0, err
	}
	slices.Sort(names)
	var parts []io.Reader
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			return nil, 0, err
		}
		s.files = append(s.files, f)
		info, err := f.Stat()
		if err != nil {
			return nil, 0, err
		}
		header, err := header(name, info)
		if err != nil {
			return nil, 0, err
		}
		padding := make([]byte, (blockBytes-info.Size()%blockBytes)%blockBytes)
		parts = append(parts, bytes.NewReader(header), io.LimitReader(f, info.Size()), bytes.NewReader(padding))
		size += int64(len(header)) + info.Size() + int64(len(padding))
	}
	end := make([]byte, 2*blockBytes)
	s.Reader = io.MultiReader(append(parts, bytes.NewReader(end))...)
	return s, size + int64(len(end)), nil
}

func header(name string, info os.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), Typeflag: tar.TypeReg}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unpack makes the folder dir from a stream, durably. It takes plain files only, and no names that lead elsewhere.
func Unpack(fs vfs.FS, r io.Reader, dir string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(syncDir(fs, dir), syncDir(fs, fs.PathDir(dir)))
		}
		if err != nil {
			return fmt.Errorf("the snapshot's stream: %w", err)
		}
		if h.Typeflag != tar.TypeReg || filepath.Base(h.Name) != h.Name || h.Name == "." || h.Name == ".." {
			return fmt.Errorf("the snapshot's stream has %q, which is no plain file", h.Name)
		}
		if err := unpackFile(fs, t, fs.PathJoin(dir, h.Name), h.Size); err != nil {
			return fmt.Errorf("the snapshot's file %q: %w", h.Name, err)
		}
	}
}

func unpackFile(fs vfs.FS, r io.Reader, name string, size int64) error {
	if _, err := fs.Stat(name); err == nil {
		return errors.New("it comes twice")
	}
	f, err := fs.Create(name, category)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r, size)
	return errors.Join(err, f.Sync(), f.Close())
}
