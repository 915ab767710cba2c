#!/usr/bin/env python3
"""`dubfarm recut` held against a count of its own: count.py DUBFARM OLD.edl NEW.edl [--frame-rate N]    or    count.py DUBFARM --random PAIRS

Reads both cut lists with a few regular expressions, frame by frame and knowing nothing of runs, and asks of the change list (made with --no-heal):
  - every frame of every run shows the same picture in both cuts: the same reel, source file or clip name at the same source timecode and speed;
  - every frame of the new cut whose picture the old one has anywhere is in a run;
  - with healing, the runs hold the same frames, and others only where another picture stands in the same place.
--random makes pairs of cut lists by chance, edited shot by shot. Exit status 1 where a count disagrees.
"""
import argparse, collections, json, os, random, re, subprocess, sys, tempfile

EVENT = re.compile(r"^\s*(\d+)\s+(\S+)\s+(\S+)\s+([CDKW]\S*)\s+(?:(\d+)\s+)?(\d\d:\d\d:\d\d[:;]\d\d)\s+(\d\d:\d\d:\d\d[:;]\d\d)\s+(\d\d:\d\d:\d\d[:;]\d\d)\s+(\d\d:\d\d:\d\d[:;]\d\d)")
SPEED = re.compile(r"^\s*M2\s+(\S+)\s+(-?[\d.]+)\s+(\S+)")
COMMENT = re.compile(r"^\s*\*+\s*(FROM CLIP NAME|SOURCE FILE)\s*:\s*(.*?)\s*$", re.I)


def frames(text, rate):
    hours, minutes, seconds, rest = (int(part) for part in re.split("[:;]", text))
    return ((hours * 60 + minutes) * 60 + seconds) * rate + rest


def timecode(count, rate):
    return f"{count // rate // 3600:02}:{count // rate // 60 % 60:02}:{count // rate % 60:02}:{count % rate:02}"


def read(path, rate):
    """{record frame: set of pictures}; a picture is (kind of name, name, what of it)."""
    events = []
    with open(path, encoding="latin-1") as f:
        for line in f:
            if found := EVENT.match(line):
                _, reel, channel, _, _, *times = found.groups()
                events.append({"reel": reel, "channel": channel, "times": [frames(t, rate) for t in times], "speed": None, "names": {"reel": reel}})
            elif (found := SPEED.match(line)) and events:
                events[-1]["speed"] = (float(found.group(2)), found.group(3))
            elif (found := COMMENT.match(line)) and events:
                events[-1]["names"].setdefault(found.group(1).lower(), found.group(2).upper())
    if any(e["channel"].startswith("V") or e["channel"] == "B" for e in events):
        events = [e for e in events if e["channel"].startswith("V") or e["channel"] == "B"]
    shown = collections.defaultdict(set)
    for e in events:
        source_in, source_out, record_in, record_out = e["times"]
        for at in range(record_in, record_out):
            if source_in == source_out:  # no timecode: the event agrees as a whole, or not at all
                what = ("whole", record_out - record_in, at - record_in, e["speed"])
            elif e["speed"] is not None:
                what = ("speed", source_in, at - record_in, e["speed"])
            else:
                what = ("plain", source_in + at - record_in)
            for kind, name in e["names"].items():
                if name.upper() not in ("AX", "BL", ""):
                    shown[at].add((kind, name.upper(), what))
    return shown


def runs(dubfarm, old, new, rate, *more):
    with tempfile.TemporaryDirectory() as folder:
        changes = folder + "/changes.json"
        done = subprocess.run([dubfarm, "recut", old, new, "--frame-rate", str(rate), "-o", changes, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"error: dubfarm recut: exit status {done.returncode}\n{done.stderr}")
        with open(changes, encoding="utf-8") as f:
            return [(frames(r["new"], rate), frames(r["old"], rate), frames(r["length"], rate)) for r in json.load(f)]


def check(dubfarm, old, new, rate):
    """How many counts disagree; says what was counted."""
    was, now = read(old, rate), read(new, rate)
    everything = set().union(*was.values()) if was else set()
    wanted = {at for at, pictures in now.items() if pictures & everything}
    plain = runs(dubfarm, old, new, rate, "--no-heal")
    kept = {n + i: o + i for n, o, length in plain for i in range(length)}
    wrong = sorted(at for at, from_old in kept.items() if not now[at] & was[from_old])
    missed, extra = sorted(wanted - kept.keys()), sorted(kept.keys() - wanted)
    healed = {n + i: o + i for n, o, length in runs(dubfarm, old, new, rate) for i in range(length)}
    lost = sorted(at for at, from_old in kept.items() if healed.get(at) != from_old)
    print(f"{os.path.basename(old)} ({len(was)} frames), {os.path.basename(new)} ({len(now)}): {len(plain)} runs of {len(kept)} frames; counted {len(wanted)} frames that the old cut has; "
          f"{len(wrong)} show another picture, {len(missed)} missed, {len(extra)} too many; healing adds {len(healed) - len(kept)}, and loses {len(lost)}")
    for name, places in (("another picture", wrong), ("missed", missed), ("too many", extra), ("lost by healing", lost)):
        for at in places[:3]:
            print(f"  {name}: {timecode(at, rate)}")
    return len(wrong) + len(missed) + len(extra) + len(lost)


def write(path, title, shots, rate):
    """shots: (reel, source in, length, clip name); one after the other from 01:00:00:00."""
    at = 3600 * rate
    with open(path, "w", encoding="ascii") as f:
        f.write(f"TITLE: {title}\nFCM: NON-DROP FRAME\n")
        for number, (reel, source, length, name) in enumerate(shots, 1):
            f.write(f"{number:03}  {reel:8} V     C        {timecode(source, rate)} {timecode(source + length, rate)} {timecode(at, rate)} {timecode(at + length, rate)}\n* FROM CLIP NAME: {name}\n")
            at += length


def random_pair(draw, folder, rate):
    shots = [(f"A{n:03}", draw.randrange(10 * rate, 80_000 * rate), draw.randrange(12, 12 * rate), f"{n}-{draw.randrange(1, 9)}") for n in range(1, draw.randrange(20, 120))]
    write(folder + "/old.edl", "OLD", shots, rate)
    for _ in range(draw.randrange(1, 25)):
        n = draw.randrange(len(shots))
        reel, source, length, name = shots[n]
        edit = draw.choice(["lift", "head", "tail", "insert", "move", "split"])
        if edit == "lift" and len(shots) > 2:
            del shots[n]
        elif edit == "head" and length > 4:
            cut = draw.randrange(1, length - 2)
            shots[n] = (reel, source + cut, length - cut, name)
        elif edit == "tail":
            shots[n] = (reel, source, draw.randrange(1, length + 20), name)
        elif edit == "insert":
            shots.insert(n, (f"B{draw.randrange(999):03}", draw.randrange(80_000 * rate), draw.randrange(1, 200), "new"))
        elif edit == "move":
            shots.insert(draw.randrange(len(shots)), shots.pop(n))
        elif edit == "split" and length > 4:
            cut = draw.randrange(1, length - 1)
            shots[n:n + 1] = [(reel, source, cut, name), (f"C{draw.randrange(999):03}", draw.randrange(80_000 * rate), draw.randrange(1, 100), "between"), (reel, source + cut, length - cut, name)]
    write(folder + "/new.edl", "NEW", shots, rate)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("dubfarm"); options.add_argument("old", nargs="?"); options.add_argument("new", nargs="?")
    options.add_argument("--frame-rate", type=int, default=24); options.add_argument("--random", type=int, default=0)
    options = options.parse_args()
    faults = 0
    if options.old and options.new:
        faults += check(options.dubfarm, options.old, options.new, options.frame_rate)
    for seed in range(options.random):
        with tempfile.TemporaryDirectory() as folder:
            random_pair(random.Random(seed), folder, 25)
            faults += check(options.dubfarm, folder + "/old.edl", folder + "/new.edl", 25)
    if not (options.old and options.new) and options.random == 0:
        sys.exit("error: name two cut lists, or --random PAIRS")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
