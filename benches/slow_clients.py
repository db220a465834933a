#!/usr/bin/env python3
"""Memory of the release build and p99 of a plain read, before, during and after clients that take nothing: 2,000 that asked
for large pages, then 2,000 that listen to changes while much is written. Prints ratios to the time before.

    cargo build --release && ulimit -n 10000 && python3 benches/slow_clients.py

CLIENTS says how many (2000), STALL the server's stall_seconds (20). All on 127.0.0.1, on a SQLite file of its own."""
import json, os, pathlib, resource, socket, statistics, subprocess, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/plenary"
CLIENTS, STALL = int(os.environ.get("CLIENTS", "2000")), int(os.environ.get("STALL", "20"))
PASSWORD, EMAIL = "correct horse battery", "admin@example.org"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(url, body=None, token=None, method=None, headers=None):
    headers = {"content-type": "application/json", **(headers or {})}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers, method=method)) as reply:
        text = reply.read()
        return json.loads(text) if text else None, reply.headers


def memory(pid):
    """Megabytes that are in memory."""
    fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * resource.getpagesize() / 1e6


def p99(port, count=400):
    """Of a plain read, on one connection, in milliseconds."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as s:
        for _ in range(count):
            begun = time.perf_counter()
            s.sendall(b"GET /api/v1/events/e0 HTTP/1.1\r\nhost: x\r\n\r\n")
            text = b""
            while b"\r\n\r\n" not in text:
                text += s.recv(65536)
            head, _, body = text.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
            while left > 0:
                left -= len(s.recv(65536))
            times.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(times, n=100)[98]


def crowd(port, path):
    """Clients that ask and take nothing; their own buffers are small."""
    clients = []
    for number in range(CLIENTS):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", port))
        s.sendall(f"GET {path(number)} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        clients.append(s)
    return clients


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * CLIENTS + 1000), hard))
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "PLENARY_DATABASE_URL": f"{folder}/plenary.db", "PLENARY_ADMIN_PASSWORD": PASSWORD,
                       "PLENARY_SERVER__STALL_SECONDS": str(STALL), "PLENARY_SERVER__WORKERS": "2", "PLENARY_LOG__LEVEL": "error"}
        server = subprocess.Popen([PROGRAM, "serve", "--listen", f"127.0.0.1:{port}", "--public-url", url], env=environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            measure(server.pid, port, url)
        finally:
            server.terminate()
            server.wait()


def measure(pid, port, url):
    for _ in range(200):
        try:
            call(f"{url}/readyz")
            break
        except OSError:
            time.sleep(0.1)
    token = call(f"{url}/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD})[0]["access_token"]
    body = "A dialogue on shared rivers. " * 1_000
    for number in range(100):
        event = {"title": f"Event {number}", "slug": f"e{number}", "body": body, "status": "published"}
        call(f"{url}/api/v1/events", event, token)
    page = lambda number: f"/api/v1/events?detail=full&limit={100 - number % 50}&offset={number // 50}"
    for number in range(20):
        call(url + page(number))
    before = (memory(pid), p99(port))
    print(f"before: {before[0]:.0f} MB, p99 {before[1]:.2f} ms")

    def told(what):
        now = (memory(pid), p99(port))
        print(f"{what}: {now[0]:.0f} MB ({now[0] / before[0]:.2f} of before), p99 {now[1]:.2f} ms ({now[1] / before[1]:.2f})", flush=True)

    clients = crowd(port, page)
    time.sleep(5)
    told(f"{CLIENTS} that asked for different large pages and take nothing")
    time.sleep(STALL + 10)
    told("the same, let go")
    [client.close() for client in clients]
    clients = crowd(port, lambda _: "/api/v1/changes/live")
    time.sleep(2)
    told(f"{CLIENTS} that listen and take nothing")
    for number in range(300):
        tag = call(f"{url}/api/v1/events/e{number % 100}")[1]["etag"]
        patch = {"title": f"Event {number} again"}
        call(f"{url}/api/v1/events/e{number % 100}", patch, token, "PATCH", {"if-match": tag, "content-type": "application/merge-patch+json"})
    told("the same, after 300 changes")
    time.sleep(STALL + 10)
    told("the same, let go")
    [client.close() for client in clients]
    time.sleep(3)
    told("after all")


if __name__ == "__main__":
    main()
