"""One command started, awaited and accounted for, by a process so small that it does not blur what it starts.

    python -I -S launcher.py FIGURES DATA_BYTES CPU_SHARE COMMAND...

The kernel counts a child's peak memory from what its parent held when it was started, so the parent is this. FIGURES is
the file that gets wall seconds, CPU seconds, peak bytes and the exit code. DATA_BYTES limits what the command may
write to of its own, touched or not (0: no limit); CPU_SHARE below 1 stops it for the rest of every tenth of a second.
"""

import os
import resource
import signal
import sys
import time

PERIOD_SECONDS = 0.1  # that of Linux' CPU quotas, by default


def main(figures: str, data_bytes: int, share: float, command: list[str]) -> None:
    if data_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes))
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    status, usage = ended(child, share)
    wall = time.perf_counter() - start
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
    with open(figures, "w") as file:  # noqa: PTH123 -- pathlib would double this process
        file.write(f"{wall} {cpu} {peak} {os.waitstatus_to_exitcode(status)}")


def ended(child: int, share: float) -> tuple[int, resource.struct_rusage]:
    """Wait for the child; with a share below 1 it runs for that part of each period and is stopped for the rest."""
    while share < 1:
        time.sleep(PERIOD_SECONDS * share)
        os.kill(child, signal.SIGSTOP)
        time.sleep(PERIOD_SECONDS * (1 - share))
        os.kill(child, signal.SIGCONT)
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage
    _, status, usage = os.wait4(child, 0)
    return status, usage


main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
