package snapshot

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
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

// A File is a file of a snapshot.
type File struct {
	Name string
	Size int64
}

// A Stream is the files of a folder one after another, each behind its header. All are open from the start, so that it
// can be read to its end after the folder has been removed.
type Stream struct {
	reader io.Reader
	files  []streamFile
}

type streamFile struct {
	File
	from vfs.File
	info os.FileInfo
	// kept is true for one that the receiver has: only its header is in the stream.
	kept bool
}

// Read reads the next part.
func (s *Stream) Read(p []byte) (int, error) { return s.reader.Read(p) }

// Close closes the files.
func (s *Stream) Close() error {
	var err error
	for _, f := range s.files {
		err = errors.Join(err, f.from.Close())
	}
	return err
}

// Files lists what the stream has.
func (s *Stream) Files() []File {
	var all []File
	for _, f := range s.files {
		all = append(all, f.File)
	}
	return all
}

// Keep leaves out the contents of those files that the receiver has, by their names and SHA-256, as they are in the stream. It
// must be called before anything is read, and returns how long the stream is then, and how many bytes are left out.
func (s *Stream) Keep(has map[string][sha256.Size]byte) (size, kept int64, err error) {
	for i := range s.files {
		f := &s.files[i]
		sum, there := has[f.Name]
		if !there {
			continue
		}
		mine, err := digest(io.NewSectionReader(f.from, 0, f.Size))
		if err != nil {
			return 0, 0, fmt.Errorf("read %s: %w", f.Name, err)
		}
		if f.kept = mine == sum; f.kept {
			kept += f.Size
		}
	}
	size, err = s.begin()
	return size, kept, err
}

func digest(r io.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// begin lays the stream out, and returns its length.
func (s *Stream) begin() (size int64, err error) {
	var parts []io.Reader
	for _, f := range s.files {
		header, err := header(f)
		if err != nil {
			return 0, err
		}
		parts = append(parts, bytes.NewReader(header))
		size += int64(len(header))
		if f.kept {
			continue
		}
		padding := make([]byte, (blockBytes-f.Size%blockBytes)%blockBytes)
		parts = append(parts, io.NewSectionReader(f.from, 0, f.Size), bytes.NewReader(padding))
		size += f.Size + int64(len(padding))
	}
	end := make([]byte, 2*blockBytes)
	s.reader = io.MultiReader(append(parts, bytes.NewReader(end))...)
	return size + int64(len(end)), nil
}

// pack returns a folder's files as a stream, and its length.
func pack(fs vfs.FS, dir string) (_ *Stream, size int64, err error) {
	s := &Stream{}
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
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			return nil, 0, err
		}
		s.files = append(s.files, streamFile{File: File{Name: name}, from: f})
		one := &s.files[len(s.files)-1]
		if one.info, err = f.Stat(); err != nil {
			return nil, 0, err
		}
		one.Size = one.info.Size()
	}
	size, err = s.begin()
	return s, size, err
}

func header(f streamFile) ([]byte, error) {
	if !f.info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", f.Name)
	}
	h := &tar.Header{Name: f.Name, Mode: 0o600, Size: f.Size, Typeflag: tar.TypeReg}
	if f.kept {
		h.Size, h.Typeflag, h.Linkname = 0, tar.TypeLink, f.Name
	}
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unpack makes the folder dir from a stream, durably. It takes plain files only, and no names that lead elsewhere.
func Unpack(fs vfs.FS, r io.Reader, dir string) error { return unpack(fs, r, dir, "") }

// unpack is Unpack of a stream that leaves out what is in the folder kept, from where it is taken. "": it leaves out nothing.
func unpack(fs vfs.FS, r io.Reader, dir, kept string) error {
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
		known := kept != "" && h.Typeflag == tar.TypeLink && h.Linkname == h.Name
		if !known && h.Typeflag != tar.TypeReg || filepath.Base(h.Name) != h.Name || h.Name == "." || h.Name == ".." {
			return fmt.Errorf("the snapshot's stream has %q, which is no plain file", h.Name)
		}
		if known {
			if err := fs.Rename(fs.PathJoin(kept, h.Name), fs.PathJoin(dir, h.Name)); err != nil {
				return fmt.Errorf("the snapshot's file %q, which is to be here already: %w", h.Name, err)
			}
			continue
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
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		err = errors.Join(err, fs.Remove(name)) // a part of it is of no use
	}
	return err
}
