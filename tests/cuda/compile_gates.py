#!/usr/bin/env python3
"""What nvcc must not have made of the kernels: looks at the PTX and the register report of every .cu file.

usage: compile_gates.py [--nvcc NVCC] [--allowed FILE] [--flags "..."] [--include FOLDER]... FILE.cu...
       compile_gates.py --self-test

A finding is a line on stdout: the kernel and what is wrong with it. Gates:
  - no spilled register and no local stack, but for the kernels that FILE lists ("kernel bytes reason", one a line);
  - no .ftz, no approximate operation (.approx, div.full) and no atomic on floating point in the PTX.
Exit status: 0 nothing found, 1 something found, 3 nvcc or ptxas did not run.
"""
import argparse
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile

TARGETS = ("75", "80", "90")
FORBIDDEN = (
    (re.compile(r"\.ftz\b"), "flushes denormals to zero"),
    (re.compile(r"\.approx\b|\bdiv\.full\b"), "is approximate"),
    (re.compile(r"\b(?:atom|red)\.\S*\.(?:f16|f32|f64|bf16)\b"), "is an atomic on floating point: its result depends on the order of threads"),
)


def ptx_findings(text):
    """Forbidden instructions, each with the entry that it stands in."""
    found, entry = [], "?"
    for line in text.splitlines():
        if named := re.search(r"\.(?:entry|func)\s+(?:\([^)]*\)\s*)?([\w$]+)", line):
            entry = named.group(1)
        code = line.split("//")[0]
        for pattern, what in FORBIDDEN:
            if pattern.search(code):
                found.append(f"{entry}: {code.strip()}: {what}")
    return found


def resource_findings(text, allowed):
    """Spills and stack frames in the report of ptxas -v. allowed: [(part of a kernel's name, bytes)]."""
    found, entry, target, seen = [], "?", "?", 0
    for line in text.splitlines():
        if named := re.search(r"Compiling entry function '([^']+)' for '([^']+)'", line):
            entry, target = named.groups()
        if figures := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            seen += 1
            stack, stores, loads = map(int, figures.groups())
            limit = max((size for name, size in allowed if name in entry), default=0)
            if stack > limit:
                found.append(f"{entry} on {target}: {stack} bytes of local stack, {limit} are allowed")
            if (stores or loads) and (limit == 0 or stack > limit):  # what spills lies in the stack frame
                found.append(f"{entry} on {target}: spills {stores} bytes, reloads {loads}")
    return found, seen


def read_allowed(path):
    allowed = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("#")[0].split(maxsplit=2)
            if not words:
                continue
            if len(words) < 3 or not words[1].isdigit():
                sys.exit(f"{path}:{number}: expected a kernel's name, bytes and a reason")
            allowed.append((words[0], int(words[1])))
    return allowed


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{shlex.join(command)}\n{done.stdout}{done.stderr}", file=sys.stderr)
        sys.exit(3)
    return done.stdout + done.stderr


def check(source, options, allowed):
    """Findings and how many kernels were looked at."""
    folder = os.path.dirname(os.path.realpath(options.nvcc))
    with tempfile.TemporaryDirectory() as temporary:
        ptx = os.path.join(temporary, "out.ptx")
        includes = [word for path in options.include for word in ("-I", path)]
        run([options.nvcc, "-std=c++20", "-arch=compute_75", *shlex.split(options.flags), *includes, "-ptx", source, "-o", ptx])
        with open(ptx, encoding="utf-8") as file:
            text = file.read()
        found, kernels = ptx_findings(text), 0
        for target in TARGETS if ".entry" in text else ():
            report = run([os.path.join(folder, "ptxas"), "-v", f"-arch=sm_{target}", ptx, "-o", os.path.join(temporary, "out.cubin")])
            more, seen = resource_findings(report, allowed)
            found += more
            kernels += seen
    return [f"{source}: {finding}" for finding in found], kernels


def self_test():
    """The gates see what they are for, and let pass what is well."""
    clean = ".visible .entry _Z4goodPf(\n.param .u64 p\n){\nfma.rn.f64 %fd1, %fd2, %fd3, %fd4;\ndiv.rn.f32 %f1, %f2, %f3;\natom.global.add.u64 %r, [%p], 1;\n}"
    assert ptx_findings(clean) == [], ptx_findings(clean)
    for bad in ("add.ftz.f32 %f1, %f2, %f3;", "rcp.approx.f32 %f1, %f2;", "div.full.f32 %f1, %f2, %f3;", "red.global.add.f32 [%p], %f1;",
                "atom.shared.add.f64 %f1, [%p], %f2;", "sqrt.approx.ftz.f32 %f1, %f2;"):
        found = ptx_findings(clean.replace("div.rn.f32 %f1, %f2, %f3;", bad))
        assert found and "_Z4goodPf" in found[0] and bad.split()[0] in found[0], (bad, found)
    report = ("ptxas info    : Compiling entry function '_Z4goodPf' for 'sm_90'\nptxas info    : Function properties for _Z4goodPf\n"
              "    {} bytes stack frame, {} bytes spill stores, {} bytes spill loads\n")
    assert resource_findings(report.format(0, 0, 0), []) == ([], 1)
    assert len(resource_findings(report.format(40, 0, 0), [])[0]) == 1
    assert resource_findings(report.format(40, 0, 0), [("good", 40)])[0] == []
    assert len(resource_findings(report.format(48, 8, 8), [("good", 40)])[0]) == 2
    print("compile gates: the gates see spills, stack, .ftz, approximations and float atomics")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--allowed")
    parser.add_argument("--flags", default="", type=lambda text: text.replace(";", " "))  # CMake joins lists by semicolons
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("sources", nargs="*")
    options = parser.parse_args()
    self_test()
    if options.self_test:
        return 0
    allowed = read_allowed(options.allowed) if options.allowed else []
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(lambda source: check(source, options, allowed), options.sources))
    findings = [finding for found, _ in results for finding in found]
    for finding in findings:
        print(f"gate: {finding}")
    print(f"compile gates: {len(options.sources)} files, {sum(seen for _, seen in results)} kernels on sm_{', '.join(TARGETS)}: {len(findings)} findings")
    if sum(seen for _, seen in results) == 0:
        print("gate: no kernel was looked at")
        return 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
