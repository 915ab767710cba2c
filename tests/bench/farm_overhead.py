#!/usr/bin/env python3
"""What a farm costs beside `dubfarm render`: farm_overhead.py DUBFARM FOLDER [--minutes N] [--languages N] [--runs N] [--threads N] [--workers N]

The same film (film_mix.py) by render and by a scheduler with workers that run already, in turn, each time into an empty store, with as many
threads in all. Wall time is from the command's start to its end (`submit --wait` for the farm); processor time is that of all processes that took
part, the client too. `render` is as nice as a worker's threads are, so that on a busy machine both get the same share. Before each run
freed memory lies idle for --rest seconds: a virtual machine gives such pages back to its host, and whoever touches them next pays for it, so that a run whose
files are made at once, right after others were deleted, would be cheaper than one that makes its files later. What counts is the least of each, and their ratio: what else a machine
does only adds to a run, and a virtual machine's cold memory may add a third to one run and nothing to the next. The ratios of neighbouring runs are printed beside it.
The outputs must be the same bytes. Exit status 1 where they are not, or where a ratio is above --aim.
"""
import argparse, hashlib, os, re, resource, shutil, signal, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def run(command, **more):
    """(wall, processor) seconds of a command, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **more)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def sums(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".wav"):
                with open(os.path.join(where, name), "rb") as f:
                    found[os.path.relpath(os.path.join(where, name), folder)] = hashlib.file_digest(f, "sha256").hexdigest()
    return found


class Farm:
    """A scheduler and workers that have been let in, on loopback; stopped by `with`."""

    def __init__(self, dubfarm, folder, media, workers, slots):
        self.dubfarm, self.folder, self.media, self.processes, self.logs = dubfarm, folder, media, [], []
        os.makedirs(folder + "/out")
        os.makedirs(folder + "/state")
        run([dubfarm, "keys", "init", folder + "/keys"])
        with open(os.open(folder + "/token", os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as f:
            f.write(run([dubfarm, "tokens", "create", "bench", "--may", "admin:*", "--state", folder + "/state"])[2])
        roots = ["--root", "media=" + media, "--root", f"out={folder}/out"]
        self.start("scheduler", ["scheduler", "--state", folder + "/state", "--keys", folder + "/keys", "--store", folder + "/store", "--listen", "tcp://127.0.0.1:*",
                                 "--http", "127.0.0.1:0", "--threads", str(workers * slots)] + roots)
        self.server = self.wait_for("scheduler", r"^dashboard: (\S+)$")
        endpoint = self.wait_for("scheduler", r"^workers: (\S+)$")
        for n in range(workers):
            run([dubfarm, "keys", "worker", f"w{n}", "--keys", folder + "/keys"])
            self.start(f"w{n}", ["worker", "--scheduler", endpoint, "--key", f"{folder}/keys/workers/w{n}.key", "--store", folder + "/store", "--state", f"{folder}/w{n}",
                                 "--slots", str(slots)] + roots)
        for n in range(workers):
            self.wait_for(f"w{n}", r" welcome: ")

    def start(self, name, arguments):
        with open(f"{self.folder}/{name}.log", "w", encoding="utf-8") as log:
            self.processes.append(subprocess.Popen([self.dubfarm] + arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def wait_for(self, name, pattern):
        for _ in range(600):
            with open(f"{self.folder}/{name}.log", encoding="utf-8") as log:
                text = log.read()
            if found := re.search(pattern, text, re.M):
                return found.group(found.lastindex or 0)
            time.sleep(0.05)
        sys.exit(f"error: {name} does not get going:\n{text}")

    def render(self, mix):
        """(wall, processor) seconds."""
        pids = [p.pid for p in self.processes]
        before = processor_seconds(pids)
        wall, client, _ = run([self.dubfarm, "submit", mix, "--server", self.server, "--token-file", self.folder + "/token", "--project", "bench", "--root", "media=" + self.media,
                               "--out", "{out}/film", "--wait"])
        return wall, client + processor_seconds(pids) - before

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("dubfarm"); options.add_argument("folder")
    options.add_argument("--minutes", type=float, default=20); options.add_argument("--languages", type=int, default=10)
    options.add_argument("--runs", type=int, default=5); options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--workers", type=int, default=1, help="the threads are divided among them")
    options.add_argument("--rest", type=float, default=10, help="seconds"); options.add_argument("--aim", type=float, default=1.05)
    options = options.parse_args()
    media = os.path.abspath(options.folder) + f"/film-{options.minutes:g}-{options.languages}"
    mix = media + "/film.langs.mix.json"
    if not os.path.exists(mix):
        run([sys.executable, HERE + "/film_mix.py", media, "--minutes", str(options.minutes), "--languages", str(options.languages)])
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else options.folder
    work = f"{memory}/dubfarm-overhead-{os.getpid()}"  # renders are written to memory, so that the disk is no part of the figures
    slots = max(1, options.threads // options.workers)
    alone, farm, expected = [], [], None
    try:
        for n in range(options.runs + 1):  # the first is not counted: it reads the media from the disk
            shutil.rmtree(work, ignore_errors=True)
            os.makedirs(work)
            time.sleep(options.rest)
            rendered = run([options.dubfarm, "render", mix, "--threads", str(slots * options.workers), "--out", work + "/alone", "--store", work + "/alone-store"],
                           preexec_fn=lambda: os.nice(5))[:2]
            expected = sums(work + "/alone")
            shutil.rmtree(work + "/alone"); shutil.rmtree(work + "/alone-store")
            with Farm(options.dubfarm, work + "/farm", media, options.workers, slots) as one:
                time.sleep(options.rest)
                farmed = one.render(mix)
            if sums(work + "/farm/out/film") != expected:
                sys.exit("error: the farm's outputs are not render's")
            if n > 0:
                alone.append(rendered); farm.append(farmed)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{options.minutes:g} min of 64 tracks in {options.languages} languages, {slots * options.workers} threads, {options.workers} worker(s), {options.runs} runs of each in turn:")
    worst = 0
    for column, name in ((0, "wall"), (1, "user+sys")):
        least_alone, least_farm = min(a[column] for a in alone), min(f[column] for f in farm)
        worst = max(worst, least_farm / least_alone)
        print(f"  {name:9} render {least_alone:7.2f} s   farm {least_farm:7.2f} s   ratio {least_farm / least_alone:.3f}"
              f"   (aim: below {options.aim:.2f})   single ratios {' '.join(f'{f[column] / a[column]:.2f}' for f, a in zip(farm, alone))}")
    return 0 if worst < options.aim else 1


if __name__ == "__main__":
    sys.exit(main())
