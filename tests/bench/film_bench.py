#!/usr/bin/env python3
"""What a change costs: film_bench.py BUILD FOLDER [--data DATA] [--minutes N] [--languages N] [--language-minutes N]

Renders the film mix of film_mix.py with the dubfarm of BUILD into FOLDER, and prints in one run how much of the work is done again: for a second
render with nothing changed (into the same folder, and into another), for a replaced line of dialogue, for a re-cut with 12 edits, and for many languages beside one. Chunk-seconds are
audio, as report.json counts it; seconds are wall time (the processors may be shared: repeat), and of languages also what all threads spent rendering chunks and writing
them into the store, without the outputs, whose bytes grow with the languages whatever is shared.
"""
import argparse, json, os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("build"); options.add_argument("folder"); options.add_argument("--data")
    options.add_argument("--minutes", default="20"); options.add_argument("--languages", default="40")
    options.add_argument("--language-minutes", default="3", help="of the mix for the languages; their outputs take room")
    options = options.parse_args()
    dubfarm = os.path.join(options.build, "dubfarm")

    def make(name, minutes):
        folder = f"{options.folder}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, f"{HERE}/film_mix.py", folder, "--minutes", minutes, "--languages", options.languages]
                       + (["--data", options.data] if options.data else []), check=True)
        return folder

    def render(folder, mix, *more, out="out"):
        began = time.monotonic()
        done = subprocess.run([dubfarm, "render", f"{folder}/{mix}.mix.json", "--out", f"{folder}/{out}", "--store", f"{folder}/store", "--json", *more],
                              stdout=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"error: rendering {mix} failed")
        report = json.loads(done.stdout)
        return time.monotonic() - began, report["rendered_seconds"], report["chunks"], report["prints"]

    def rendering(folder, mix, out):
        """Render with an empty store: wall seconds, and the seconds that all threads spent on chunks."""
        shutil.rmtree(f"{folder}/store", ignore_errors=True)
        began = time.monotonic()
        done = subprocess.run([dubfarm, "render", f"{folder}/{mix}.mix.json", "--out", f"{folder}/{out}", "--store", f"{folder}/store", "--profile"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        wall, busy = time.monotonic() - began, re.findall(r"^(?:render|hash, write) +([0-9.]+)", done.stderr, re.M)
        if done.returncode not in (0, 1) or len(busy) != 2:
            sys.exit(f"error: rendering {mix} failed\n{done.stderr}")
        return wall, sum(map(float, busy))

    def planned(folder, mix):
        said = subprocess.run([dubfarm, "plan", f"{folder}/{mix}.mix.json", "--store", f"{folder}/store", "--json"], stdout=subprocess.PIPE, check=True).stdout
        total = json.loads(said)["total"]
        return {kind: total[kind]["seconds"] for kind in ("all", "render", "reuse", "shared")}

    def printing(folder, mix):
        """Time of a render whose chunks are all there: outputs are summed, measured, written and read back; the least of three."""
        return min(render(folder, mix, "--reprint")[0] for _ in range(3))

    film = make("film", options.minutes)
    first, audio, chunks, _ = render(film, "film")
    again, again_audio, again_chunks, again_prints = render(film, "film")
    elsewhere, _, _, elsewhere_prints = render(film, "film", out="elsewhere")
    copy_began = time.monotonic()
    shutil.copytree(f"{film}/elsewhere", f"{film}/copied")
    os.sync()
    copying = time.monotonic() - copy_began
    shutil.rmtree(f"{film}/elsewhere"); shutil.rmtree(f"{film}/copied")
    all_printed = printing(film, "film")
    plan_began = time.monotonic()
    planned(film, "film")
    planning = time.monotonic() - plan_began
    line = planned(film, "film.line")
    recut = planned(film, "film.recut")
    line_time, line_audio, line_chunks, _ = render(film, "film.line", out="line")
    recut_time, recut_audio, recut_chunks, _ = render(film, "film.recut", out="recut")
    shutil.rmtree(film)

    many = make("languages", options.language_minutes)
    shutil.rmtree(f"{many}/store", ignore_errors=True)
    one_audio, many_audio = planned(many, "film")["render"], planned(many, "film.langs")["render"]
    one_time, one_busy = rendering(many, "film", "one")
    many_time, many_busy = rendering(many, "film.langs", "many")
    many_again, _, _, many_prints = render(many, "film.langs", out="many")
    shutil.rmtree(many)

    print(f"film mix, {options.minutes} minutes, 64 tracks, 5.1 and stereo: {chunks['total']} chunks, {audio:.0f} chunk-seconds")
    print(f"first render {first:.2f} s; again, nothing changed: {again:.2f} s, {100 * again / first:.1f} % (asked: 1 %), {again_chunks['rendered']} chunks rendered "
          f"({again_audio:.0f} chunk-seconds), {again_prints['printed']} outputs printed")
    print(f"  into another folder: {elsewhere:.2f} s, {elsewhere_prints['printed']} outputs printed; copying them and sync: {copying:.2f} s")
    print(f"  printing all, chunks there: {all_printed:.2f} s; planning alone: {planning:.2f} s")
    print(f"one line replaced: {line_time:.2f} s, {line_chunks['rendered']} chunks, {line_audio:.1f} of {line['all']:.0f} chunk-seconds, {100 * line_audio / line['all']:.2f} %")
    print(f"re-cut with 12 edits: {recut_time:.2f} s, {recut_chunks['rendered']} of {recut_chunks['total']} chunks, {100 * recut_audio / recut['all']:.1f} % of the chunk-seconds (asked: 15 %)")
    print(f"{options.languages} languages of {options.language_minutes} minutes beside one: chunk-seconds {many_audio:.0f} and {one_audio:.0f}, {many_audio / one_audio:.2f} times; "
          f"threads busy with chunks {many_busy:.2f} s and {one_busy:.2f} s, {many_busy / one_busy:.2f} times (asked: 6); with all outputs {many_time:.2f} s and {one_time:.2f} s; "
          f"all again, nothing changed: {many_again:.2f} s, {many_prints['printed']} of {many_prints['total']} outputs printed")


if __name__ == "__main__":
    main()
