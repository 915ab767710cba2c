#!/usr/bin/env python3
"""The commands of docker/compose.yaml and of the systemd units, run as they stand: deploy_test.py DUBFARM

Containers and services are processes on loopback here. Of their commands and environment files only what names a place is put elsewhere: folders go
below a temporary one, addresses get a free port. Each farm must make the bytes of `dubfarm render` and end with status 0 on SIGTERM.
What parses these files where it is installed does: docker compose (or docker-compose) and systemd-analyze; the output says which did.
"""
import hashlib, json, os, random, re, shlex, shutil, signal, socket, struct, subprocess, sys, tempfile, time, wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RATE = 48000


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def failed(message):
    sys.exit(f"FAILED: {message}")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write_mix(folder):
    """Ten seconds of noise on two tracks. @return the document's path."""
    os.makedirs(folder)
    for n, name in enumerate(("a.wav", "b.wav")):
        data = random.Random(n).randbytes(2 * 10 * RATE)
        with wave.open(f"{folder}/{name}", "wb") as f:
            f.setnchannels(1); f.setsampwidth(2); f.setframerate(RATE)
            f.writeframes(struct.pack(f"<{10 * RATE}h", *(s >> 3 for s in struct.unpack(f"<{10 * RATE}h", data))))
    mix = {"dubfarm": 1, "title": "Deploy", "sample_rate": RATE, "frame_rate": "25", "length": "10s", "buses": [{"name": "MX", "layout": "stereo"}],
           "tracks": [{"name": n, "bus": "MX", "clips": [{"file": "{media}/" + n + ".wav", "at": 0}]} for n in "ab"],
           "versions": [{"name": "en"}], "deliverables": [{"name": "stereo", "layout": "stereo", "file": "{version}/{title}.wav", "bits": 24}]}
    with open(f"{folder}/film.mix.json", "w", encoding="utf-8") as f:
        json.dump(mix, f)
    return f"{folder}/film.mix.json"


def sums(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".wav"):
                with open(os.path.join(where, name), "rb") as f:
                    found[os.path.relpath(os.path.join(where, name), folder)] = hashlib.sha256(f.read()).hexdigest()
    return found


def call(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        failed(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


class Processes:
    """What runs: stopped by `with`, killed where it does not stop."""

    def __init__(self, folder, environment):
        self.folder, self.environment, self.running = folder, environment, []

    def start(self, name, command):
        with open(f"{self.folder}/{name}.log", "w", encoding="utf-8") as log:
            self.running.append((name, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)))

    def log(self, name):
        with open(f"{self.folder}/{name}.log", encoding="utf-8") as f:
            return f.read()

    def wait_for(self, name, pattern):
        for _ in range(600):
            if re.search(pattern, self.log(name), re.M):
                return
            for other, process in self.running:
                if process.poll() is not None:
                    failed(f"{other} ended with {process.returncode}:\n{self.log(other)}")
            time.sleep(0.05)
        failed(f"{name} does not get as far as {pattern}:\n{self.log(name)}")

    def stop(self, seconds):
        """SIGTERM to all; each must end with 0 in time."""
        for name, process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                failed(f"{name} still runs {seconds} s after SIGTERM:\n{self.log(name)}")
            if status != 0:
                failed(f"{name} ends with {status} on SIGTERM:\n{self.log(name)}")
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _, process in self.running:
            process.kill()
            process.wait()


def compose(dubfarm, work, expected, mix_folder):
    place = work + "/compose"
    for folder in ("keys", "state", "store", "out", "bin"):
        os.makedirs(f"{place}/{folder}")
    os.symlink(dubfarm, place + "/bin/dubfarm")
    os.symlink(mix_folder, place + "/media")
    link_port, http_port = free_ports(2)
    file = text_of("docker/compose.yaml")
    owner = f"{os.getuid()}:{os.getgid()}"

    def moved(text):  # from the containers to this machine
        text = text.replace("${OWNER:-1000:1000}", owner).replace("$$", "$")
        text = re.sub(r"(^|[ =\"'>])/(keys|state|store|out|media)\b", rf"\1{place}/\2", text, flags=re.M)
        return re.sub(r"tcp://(scheduler|0\.0\.0\.0):7460", f"tcp://127.0.0.1:{link_port}", text).replace("0.0.0.0:7461", f"0.0.0.0:{http_port}")

    def command_of(service):
        body = re.search(rf"^  {service}:.*\n((?:    .*\n)+)", file, re.M)
        words = body and re.search(r"^    command: (\[[^]]*\])", body.group(1), re.M)
        if not words:
            failed(f"docker/compose.yaml: service {service} has no command in brackets")
        return [moved(word) for word in json.loads(words.group(1))]

    script = re.search(r"^  keys:\n(?:    .*\n)*?    entrypoint: \[\"sh\", \"-ec\"\]\n    command:\n      - \|\n((?:        .*\n)+)", file, re.M)
    if not script:
        failed("docker/compose.yaml: the service keys has no script for sh -ec")
    script = moved("\n".join(line[8:] for line in script.group(1).splitlines()))
    environment = dict(os.environ, PATH=place + "/bin:" + os.environ["PATH"], XDG_CACHE_HOME=place + "/store", HOME=place)
    for _ in range(2):  # the second start of the farm finds what the first made
        call(["sh", "-ec", script], env=environment)
    with Processes(place, environment) as farm:
        farm.start("scheduler", ["dubfarm"] + command_of("scheduler"))
        farm.wait_for("scheduler", "^dashboard: ")
        for name in ("worker-1", "worker-2"):
            farm.start(name, ["dubfarm"] + command_of(name))
        for name in ("worker-1", "worker-2"):
            farm.wait_for(name, " welcome: ")
        submit = re.search(r"exec scheduler (dubfarm submit .*)", file)
        command = [moved(word) for word in shlex.split(submit.group(1))]
        call(command + ["--server", f"http://127.0.0.1:{http_port}"], env=environment)
        if sums(place + "/out/film") != expected:
            failed("the farm of docker/compose.yaml makes other bytes than dubfarm render")
        farm.stop(15)
    call(["dubfarm", "keys", "revoke", "worker-2", "--keys", place + "/keys"], env=environment)
    call(["sh", "-ec", script], env=environment)
    if os.path.exists(place + "/keys/workers/worker-2.pub"):
        failed("docker/compose.yaml: starting the farm again lets a revoked worker in")
    print("compose.yaml: keys, token, scheduler, two workers and the submission, as the file has them: the same bytes; all end with 0")
    for tool in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(tool[0]) and subprocess.run(tool + ["version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            call(tool + ["-f", ROOT + "/docker/compose.yaml", "config"], env=dict(environment, OWNER=owner, MEDIA="/srv/media", OUT="/srv/out"))
            print(f"compose.yaml: {' '.join(tool)} understands it")
            break
    else:
        print("compose.yaml: not parsed, there is no docker compose here")


def units(dubfarm, work, expected, mix_folder):
    place = work + "/systemd"
    for folder in ("etc", "lib", "store", "out", "units"):
        os.makedirs(f"{place}/{folder}")
    link_port, http_port = free_ports(2)
    environment = dict(os.environ, HOME=place)

    def moved(text):
        text = text.replace("/usr/bin/dubfarm", dubfarm).replace("/etc/dubfarm", place + "/etc").replace("/var/lib/dubfarm", place + "/lib").replace("%i", "stage-3")
        text = text.replace("/srv/media", mix_folder).replace("/srv/out", place + "/out").replace("/srv/dubfarm-store", place + "/store")
        return re.sub(r"tcp://(farm|0\.0\.0\.0):7460", f"tcp://127.0.0.1:{link_port}", text)

    commands = {}
    for name in ("dubfarm-scheduler.service", "dubfarm-worker@.service"):
        unit = text_of("systemd/" + name)
        options = re.search(r"^#   OPTIONS=(.*)$", unit, re.M)
        start = re.search(r"^ExecStart=(.*)$", unit, re.M)
        if not options or not start:
            failed(f"systemd/{name}: there is no ExecStart=, or no example of OPTIONS= in its comments")
        commands[name] = moved(start.group(1).replace("$OPTIONS", options.group(1)).replace("$MORE_OPTIONS", "")).split()
        with open(f"{place}/units/{name}", "w", encoding="utf-8") as f:
            f.write(unit.replace("/usr/bin/dubfarm", dubfarm))
    os.makedirs(place + "/lib/scheduler")
    call([dubfarm, "keys", "init", place + "/etc/keys"])
    call([dubfarm, "keys", "worker", "stage-3", "--keys", place + "/etc/keys", "--out", place + "/etc/stage-3.key"])
    token = subprocess.run([dubfarm, "tokens", "create", "admin", "--may", "admin:*", "--state", place + "/lib/scheduler"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True, check=True).stdout.strip()
    with Processes(place, environment) as farm:
        farm.start("scheduler", commands["dubfarm-scheduler.service"] + ["--http", f"127.0.0.1:{http_port}"])  # two farms may be tested at once
        farm.wait_for("scheduler", "^dashboard: ")
        farm.start("worker", commands["dubfarm-worker@.service"])
        farm.wait_for("worker", " welcome: ")
        call([dubfarm, "submit", mix_folder + "/film.mix.json", "--server", f"http://127.0.0.1:{http_port}", "--project", "film", "--root", "media=" + mix_folder, "--out", "{out}/film",
              "--wait"], env=dict(environment, DUBFARM_TOKEN=token))
        if sums(place + "/out/film") != expected:
            failed("the farm of the systemd units makes other bytes than dubfarm render")
        farm.stop(20)
    print("systemd: scheduler and worker by their ExecStart and the OPTIONS of their comments: the same bytes; both end with 0")
    if shutil.which("systemd-analyze"):
        said = call(["systemd-analyze", "verify", "--man=no", f"{place}/units/dubfarm-scheduler.service", f"{place}/units/dubfarm-worker@.service"])
        if said:
            failed(f"systemd-analyze verify: {said}")
        print("systemd: systemd-analyze verify finds nothing")
    else:
        print("systemd: not verified, there is no systemd-analyze here")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    dubfarm = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="dubfarm-deploy-") as work:
        mix = write_mix(work + "/media")
        with open(mix, encoding="utf-8") as f:
            plain = f.read().replace("{media}", work + "/media")
        with open(work + "/plain.mix.json", "w", encoding="utf-8") as f:
            f.write(plain)
        call([dubfarm, "render", work + "/plain.mix.json", "--out", work + "/alone", "--store", work + "/alone-store"])
        expected = sums(work + "/alone")
        if len(expected) != 1:
            failed(f"render wrote {expected}")
        compose(dubfarm, work, expected, work + "/media")
        units(dubfarm, work, expected, work + "/media")


if __name__ == "__main__":
    main()
