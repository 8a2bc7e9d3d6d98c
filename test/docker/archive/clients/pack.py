# Packs a folder with Python's library: pack.py FOLDER FORMAT, the compressed archive on stdout.
import sys
import tarfile

folder, wanted = sys.argv[1:]
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|gz", format=formats[wanted]) as archive:
    archive.add(folder, arcname="/")
