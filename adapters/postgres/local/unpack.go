package local

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	payload   = "package/native/"  // the folder of Postgres in the package
	linksFile = "pg-symlinks.json" // lists the symbolic links, which npm packages cannot contain
	maxSize   = 1 << 30            // bytes of all files together
)

// verify returns an error unless the file has the SHA-512 want, in base64.
func verify(name, want string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("the archive has the wrong checksum and was deleted: SHA-512 %s, want %s", got, want)
	}
	return nil
}

// unpack creates dir and extracts the Postgres of the package into it.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // confines all names in the archive to dir
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := unpackFiles(root, tar.NewReader(io.LimitReader(zipped, maxSize))); err != nil {
		return err
	}
	if err := link(root); err != nil {
		return err
	}
	return makeReadable(root)
}

func unpackFiles(root *os.Root, files *tar.Reader) error {
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, inPayload := strings.CutPrefix(path.Clean(h.Name), payload)
		if !inPayload || h.Typeflag != tar.TypeReg {
			continue
		}
		if err := writeFile(root, name, files, h.FileInfo().Mode()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

func writeFile(root *os.Root, name string, content io.Reader, mode os.FileMode) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|mode&0o111)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// makeReadable lets all users read the files, regardless of the umask, because the
// server of root runs as another user.
func makeReadable(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if mode&0o100 != 0 {
			mode |= 0o111
		}
		return root.Chmod(name, mode)
	})
}

// link creates the symbolic links that the package lists.
func link(root *os.Root) error {
	text, err := root.ReadFile(linksFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("%s: %w", linksFile, err)
	}
	for _, l := range links {
		if err := makeLink(root, strings.TrimPrefix(l.Source, "native/"), strings.TrimPrefix(l.Target, "native/")); err != nil {
			return fmt.Errorf("link %s: %w", l.Target, err)
		}
	}
	return nil
}

// makeLink creates a symbolic link at the path to, which refers to the file from.
func makeLink(root *os.Root, from, to string) error {
	if !filepath.IsLocal(from) || !filepath.IsLocal(to) {
		return fmt.Errorf("%s is outside of the package", from)
	}
	relative, err := filepath.Rel(path.Dir(to), from)
	if err != nil {
		return err
	}
	return root.Symlink(relative, to)
}
