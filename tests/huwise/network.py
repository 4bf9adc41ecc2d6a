"""A company's network: a proxy that lets nothing through but CONNECT, and a server with a certificate of its own."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)


@dataclass(slots=True)
class Authority:
    """A private authority: its certificate in a file as companies hand it out, and that of a server on loopback."""

    certificate: Path
    of_server: Path
    pem: str


@dataclass(slots=True)
class Proxy:
    """What it was asked, line by line."""

    url: str
    port: int
    asked: list[str] = field(default_factory=list)


def make_authority(folder: Path, *, days: int = 1) -> Authority:
    """A fresh authority, and a server's certificate that is valid for so many days (before today where negative)."""
    root_key, root_name = ec.generate_private_key(ec.SECP256R1()), _name("A company's own authority")
    root = _certificate(root_name, root_name, root_key, root_key, days=abs(days))
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate(_name("localhost"), root_name, key, root_key, days=days)
    pem = root.public_bytes(serialization.Encoding.PEM).decode()
    (folder / "authority.pem").write_text(f"# L'autorité de l'entreprise\n{pem}", encoding="utf-8")
    (folder / "server.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(serialization.Encoding.PEM)
    )
    return Authority(folder / "authority.pem", folder / "server.pem", pem)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    days: int,
) -> x509.Certificate:
    now, is_root = datetime.datetime.now(datetime.UTC), subject == issuer
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=abs(days) + 1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if is_root:
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        )
        signing = {"key_cert_sign": True, "crl_sign": True, "encipher_only": False, "decipher_only": False}
        builder = builder.add_extension(x509.KeyUsage(**usage, **signing), critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


@contextmanager
def workspace_over_tls(authority: Authority) -> Iterator[tuple[str, list[str]]]:
    """A workspace without anybody in it behind TLS; its address, and what it was asked."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            body = json.dumps({"total_count": 0, "results": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.of_server)
    with _serving(Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://localhost:{server.server_port}", heard
        server.shutdown()


@contextmanager
def connect_only_proxy(*, password: str = "", refuse: bool = False, mute: bool = False) -> Iterator[Proxy]:
    """A proxy that lets CONNECT through, to whoever knows the password, and nothing else; or refuses, or hangs up."""
    wanted = "Basic " + base64.b64encode(f"portal:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.asked.append(self.requestline)
            if mute:
                self.close_connection = True
            elif password and self.headers.get("Proxy-Authorization") != wanted:
                self.send_error(407)
            elif refuse:
                self.send_error(403)
            else:
                self._tunnel()

        def _tunnel(self) -> None:
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                _pass_on(self.connection, there)
            self.close_connection = True

        def _refuse(self) -> None:
            proxy.asked.append(self.requestline)
            self.send_error(405)

        do_GET = do_POST = do_DELETE = _refuse

        def log_message(self, *args: object) -> None:
            pass

    with _serving(Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_port}", server.server_port)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield proxy
        server.shutdown()


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses our certificate hangs up, as it should."""

    with Server(("127.0.0.1", 0), handler) as server:
        yield server


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):
        while True:
            readable, _, _ = select.select([here, there], [], [])
            for one in readable:
                data = one.recv(65_536)
                if not data:
                    return
                (there if one is here else here).sendall(data)
