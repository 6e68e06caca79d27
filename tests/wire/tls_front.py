"""TLS in front of a server of tests, for clients that speak nothing else: gsutil.

    with Server(program, folder) as server, TlsFront(server) as front:
        front.port            the port that speaks TLS, on 127.0.0.1
        front.certificate     the file that a client has to trust
"""
import socket
import ssl
import subprocess
import threading


class TlsFront:
    """TLS in front of a server: gsutil speaks nothing else."""

    def __init__(self, server):
        self.certificate, key = server.folder / "server.pem", server.folder / "server.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(self.certificate), "-keyout", str(key)], check=True,
                       capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.behind = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as front, socket.create_connection(self.behind) as back:
                threading.Thread(target=self.copy, args=(front, back), daemon=True).start()
                self.copy(back, front)
        except OSError:
            pass

    @staticmethod
    def copy(source, target):
        try:
            while content := source.recv(65536):
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
