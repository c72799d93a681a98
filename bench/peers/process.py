"""Processes and the machine. Everything that is started is ended by its process id."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

started = []
# Where it is written down what was started, for whoever goes on after an interruption.
note = None


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def start(command, log, user=None, env=None):
    """Starts a server; what it says goes into the file `log`."""
    out = open(log, "wb")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                               user=user, group=user, env=env, extra_groups=[] if user else None)
    out.close()
    started.append(process)
    if note:
        with open(note, "a") as file:
            file.write(f"{process.pid} {began(process.pid)}\n")
    return process


def began(pid):
    """When a process began, in ticks since the machine did: a number that is given to another
    process has another one. None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(") ", 1)[1].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def stop_left_over():
    """Ends the servers of a run that was killed: those written down, and nobody else."""
    if not os.path.exists(note):
        return
    with open(note) as file:
        noted = [tuple(map(int, line.split())) for line in file if "None" not in line]
    os.unlink(note)
    for pid, ticks in noted:
        if began(pid) == ticks:
            say(f"ending {pid}, which an interrupted run left behind")
            os.kill(pid, signal.SIGINT)
            for _ in range(1200):
                if began(pid) != ticks or _is_dead(pid):
                    break
                time.sleep(0.05)


def _is_dead(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(") ", 1)[1].startswith("Z")


def cpu_s(pid, with_children=False):
    """The processor time of a process; also of its children, whether they have ended or not."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    used = sum(map(int, fields[11:15 if with_children else 13])) / os.sysconf("SC_CLK_TCK")
    return used + sum(map(child_cpu_s, children(pid) if with_children else ()))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def child_cpu_s(pid):
    try:
        return cpu_s(pid)
    except (FileNotFoundError, ProcessLookupError):
        # It ended meanwhile. What it used is missing once, a hundredth of a second mostly.
        return 0.0


def children_cpu_s():
    """The processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stop(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in started:
        started.remove(process)


def stop_all():
    for process in reversed(started[:]):
        # PostgreSQL's word for "now, and in order"; the others know it too.
        stop(process, signal.SIGINT)


def wait_for(what, process, log, ready):
    """Waits until `ready()` gives something, and gives that."""
    for _ in range(1200):
        found = ready()
        if found:
            return found
        if process.poll() is not None:
            break
        time.sleep(0.05)
    with open(log, errors="replace") as file:
        raise SystemExit(f"{what} did not start:\n{file.read()}")


def run(command, **more):
    """Runs a command to its end, and gives what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        shown = " ".join(str(part) for part in command)
        raise SystemExit(f"{shown[:2000]}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def pipe(source, sink):
    """Lets one command read what the other prints."""
    first = subprocess.Popen(source, stdout=subprocess.PIPE)
    second = subprocess.run(sink, stdin=first.stdout, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    first.stdout.close()
    first.wait()
    if second.returncode != 0 or first.returncode != 0:
        raise SystemExit(f"{sink[0]}: {second.stdout}{second.stderr}")
    return second.stdout


def install(program, package):
    """The program's path; if it is missing and we may, Debian's package is installed."""
    found = shutil.which(program)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {package}")
        # RUNLEVEL=1: the package's own server is not started.
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
        subprocess.run(["apt-get", "install", "-y", "-q", package], env=env,
                       stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        found = shutil.which(program)
    return found


def folder_bytes(folder):
    """What a folder takes on the disk."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def written_bytes(folder):
    """What has been written to the folder's disk since the machine started, by anybody, after a
    sync; None if the kernel does not say."""
    os.sync()
    device = os.stat(folder).st_dev
    with open("/proc/diskstats") as file:
        for line in file:
            fields = line.split()
            if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
                return int(fields[9]) * 512
    return None


def resident_kib(pid, name="VmRSS"):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.M).group(1))


def memory_bytes():
    with open("/proc/meminfo") as file:
        return int(re.search(r"^MemTotal:\s+(\d+)", file.read(), re.M).group(1)) * 1024


def sync_us(folder):
    """How long the disk takes to make 4 KiB durable: the middle of 200."""
    path, took = os.path.join(folder, "sync-probe"), []
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    for place in range(200):
        began = time.perf_counter()
        os.pwrite(file, b"x" * 4096, place * 4096)
        os.fdatasync(file)
        took.append(time.perf_counter() - began)
    os.close(file)
    os.unlink(path)
    return round(sorted(took)[100] * 1e6)


def machine(folder):
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    with open("/proc/loadavg") as file:
        load = file.read().split()[0]
    mount = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True)
    return {
        "processor": model.group(1) if model else os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "kernel": os.uname().release,
        "file_system": mount.stdout.strip(),
        "free_gib": round(shutil.disk_usage(folder).free / 2**30, 1),
        "sync_of_4_kib_us": sync_us(folder),
        "load_before": float(load),
    }
