"""What an algorithm can reach: app.py OUTPUT PROXY [ADDRESS:PORT...]

Its first instruction opens sockets. Everything but the proxy has to be out of reach.
"""
import json
import socket
import sys
import threading
import urllib.request

OUTSIDE = ["8.8.8.8:443", "1.1.1.1:443", "169.254.169.254:80", "[2001:4860:4860::8888]:443"]
PATIENCE = 2


def reaches(way):
    host, _, port = way.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE):
            return True
    except OSError:
        return False


def resolves(name):
    try:
        socket.getaddrinfo(name, 443)
        return True
    except OSError:
        return False


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status == 200
    except OSError:
        return False


def main(output, proxy, *ways):
    found = {}
    threads = [
        threading.Thread(target=lambda way=way: found.__setitem__(way, reaches(way))) for way in [*OUTSIDE, *ways]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["dns"] = resolves("kubernetes.default.svc.cluster.local")
    report = {"proxy": answers(f"{proxy}/datamill/ready"), "open": sorted(way for way in found if found[way])}
    with open(output, "w", encoding="utf-8") as file:
        json.dump(report, file)
    print(json.dumps(report))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
