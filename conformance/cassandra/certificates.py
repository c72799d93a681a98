"""An authority and the certificates that it signs, made with openssl for one run."""

import datetime
import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = authority
[authority]
dir = {folder}
database = $dir/signed
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"openssl {words[0]} ended with {done.returncode}: {done.stdout}"


def moment(days_from_now):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days_from_now)
    return at.strftime("%Y%m%d%H%M%SZ")


class Authority:
    """`certificate` is what whoever trusts it is given."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        (self.folder / "signed").touch()
        (self.folder / "config").write_text(CONFIG.format(folder=self.folder), encoding="utf-8")
        openssl("req", "-x509", *KEY, "-keyout", self.key, "-out", self.certificate, "-days", 2,
                "-subj", f"/CN={self.folder.name}")

    def sign(self, name, address=None, first_day=-1, last_day=1):
        """A certificate and its key, in files; it is valid from one day to another, from now."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request = self.folder / f"{name}.request"
        names = ["-addext", f"subjectAltName=IP:{address}"] if address else [
            "-addext", f"subjectAltName=DNS:{name}.example"]
        openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}", *names)
        openssl("ca", "-batch", "-notext", "-config", self.folder / "config", "-in", request,
                "-cert", self.certificate, "-keyfile", self.key, "-out", certificate,
                "-startdate", moment(first_day), "-enddate", moment(last_day))
        return certificate, key
