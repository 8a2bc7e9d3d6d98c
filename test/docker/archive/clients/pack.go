// Packs a folder as GoStint's own client does: pack FOLDER FORMAT, the compressed archive on stdout.
package main

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var formats = map[string]tar.Format{
	"any": tar.FormatUnknown, "ustar": tar.FormatUSTAR, "pax": tar.FormatPAX, "gnu": tar.FormatGNU,
}

func main() {
	folder, format := os.Args[1], formats[os.Args[2]]
	zip := gzip.NewWriter(os.Stdout)
	archive := tar.NewWriter(zip)
	must(filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		must(err)
		return add(archive, path, strings.TrimPrefix(strings.TrimPrefix(path, folder), "/"), info, format)
	}))
	must(archive.Close())
	must(zip.Close())
}

// The folder itself comes first, as a directory without a name.
func add(archive *tar.Writer, path, name string, info os.FileInfo, format tar.Format) error {
	target, _ := os.Readlink(path)
	header, err := tar.FileInfoHeader(info, target)
	must(err)
	header.Name, header.Format = name, format
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{} // Not every format has them.
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
