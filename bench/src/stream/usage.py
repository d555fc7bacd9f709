"""What a process used, as peer.ts has it of those of Node."""
import os
import resource


def _cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rss_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def start_usage():
    """Begins to measure this process; what is given back tells."""
    idle_bytes = _rss_bytes()
    cpu = _cpu_seconds()

    def usage():
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"cpuSeconds": _cpu_seconds() - cpu, "grownMiB": (peak_bytes - idle_bytes) / 2**20}

    return usage
