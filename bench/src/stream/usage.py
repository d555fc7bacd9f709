"""What a process used, as peer.ts has it of those of Node."""
import os
import resource


def _cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rss_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class UsageMeter:
    """Measures this process, from when it is made."""

    def __init__(self):
        self._idle_bytes = _rss_bytes()
        self._since = _cpu_seconds()

    def restart(self):
        """Leaves the processor time until now out; what memory was taken counts."""
        self._since = _cpu_seconds()

    def read(self):
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        grown_mib = (peak_bytes - self._idle_bytes) / 2**20
        return {"cpuSeconds": _cpu_seconds() - self._since, "grownMiB": grown_mib}
