"""A throw-away real Slurm on this machine: two virtual nodes with counted GPUs, everything in one folder.

By hand, as root, from the checkout: ``python tests/cluster/lab.py [--accounting] snakemake --cores 8 --profile slurm``
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

NODES = ("n0", "n1")
CPUS, MEMORY_MB, GPUS = 8, 16_000, 1
PATIENCE = 600  # seconds to wait for anything: a bound on what has failed, not on how fast a machine is
PASSWORD = "phvae-lab"  # of a database that listens on a socket inside the folder only

SLURM = """\
ClusterName=lab
SlurmctldHost={host}({address})
SlurmctldPort={ctld}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=15
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/pid/slurmctld
SlurmdPidFile={folder}/pid/slurmd-%n
SlurmctldLogFile={folder}/log/slurmctld
SlurmdLogFile={folder}/log/slurmd-%n
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SlurmdParameters=config_overrides
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2
SlurmctldTimeout=300
SlurmdTimeout=300
MessageTimeout=20
MinJobAge=3600
KillWait=30
GresTypes=gpu
{accounting}
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr={address} Port={port} CPUs={cpus} CoresPerSocket={cpus} "
    "RealMemory={memory} Gres=gpu:{gpus}\n"
)
PARTITION = "PartitionName=main Nodes=ALL Default=YES DefaultTime=10 MaxTime=1440 DefMemPerCPU=100\n"
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={address}
AccountingStoragePort={dbd}
AccountingStoragePass={folder}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
JobAcctGatherType=jobacct_gather/linux"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none"
DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost={host}
DbdAddr={address}
DbdPort={dbd}
SlurmUser=root
PidFile={folder}/pid/slurmdbd
LogFile={folder}/log/slurmdbd
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
"""


class LabError(RuntimeError):
    """The throw-away Slurm did not do what it should; holds the end of the logs."""


def _die_with_parent() -> None:
    """Run in a daemon before it starts: it ends when the process that started it ends, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _free_ports(count: int) -> list[int]:
    """Ports below those that a system hands out by itself, so that no other program gets one before a daemon does."""
    found: list[int] = []
    for port in random.sample(range(20_000, 30_000), 1000):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("", port))
            found.append(port)
        if len(found) == count:
            return found
    raise LabError("no free ports between 20,000 and 30,000")


class Lab:
    """Start and stop the daemons; nothing outside `folder` is written, no port but loopback's is opened.

    Clients find it through the environment (`environment`), so that other programs of the machine never meet it.
    """

    def __init__(self, folder: Path, *, accounting: bool) -> None:
        self.folder, self.accounting = folder, accounting
        self.host = socket.gethostname().split(".")[0]
        self.address = socket.gethostbyname(self.host)
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "MYSQL_UNIX_PORT": str(folder / "db/socket"),
        }

    def __enter__(self) -> Lab:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # ---- life ----
    def start(self) -> None:
        """Write the configuration, start every daemon, wait until all nodes are idle."""
        for name in ("bin", "munge", "state", "pid", "log", "dev", "db", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._configure()
        self._start_munge()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait(lambda: self.states() == dict.fromkeys(NODES, "idle"), "the nodes did not become idle")

    def stop(self) -> None:
        """End the jobs, then every daemon, in the order that loses nothing."""
        if "slurmctld" in self.daemons:
            with contextlib.suppress(LabError):
                self.clear(60)
        for name in [*(f"slurmd-{node}" for node in NODES), "slurmctld", "slurmdbd", "mariadbd", "munged"]:
            self.kill(name)

    def clear(self, seconds: float = PATIENCE) -> None:
        """End every job, and wait for their ends."""
        self.run("scancel", "--user=root")
        self.wait(lambda: not self.jobs(), "jobs were left", seconds)

    def kill(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop one daemon and wait for its end."""
        process = self.daemons.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start_controller(self) -> None:
        """Start slurmctld (again)."""
        self._daemon("slurmctld", "slurmctld", "-D")
        self.wait(lambda: self._answers("scontrol", "ping"), "slurmctld does not answer")

    def start_node(self, node: str) -> None:
        """Start a node's slurmd (again)."""
        self._daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node)

    # ---- questions ----
    def run(self, *command: str, check: bool = True) -> str:
        """Output of a Slurm command.

        Raises:
            LabError: it failed (if that is checked) or took too long.
        """
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise LabError(str(error)) from None
        if check and done.returncode:
            raise LabError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _answers(self, *command: str) -> bool:
        return subprocess.run(command, env=self.environment, capture_output=True).returncode == 0

    def states(self) -> dict[str, str]:
        """State of each node."""
        return dict(line.split() for line in self.run("sinfo", "-h", "-N", "-o", "%N %T").splitlines())

    def jobs(self, state: str = "PENDING,CONFIGURING,RUNNING,COMPLETING") -> dict[str, str]:
        """Comment (rule and wildcards) of the jobs in a state, by job number."""
        lines = self.run("squeue", "-h", "-t", state, "-o", "%A|%k").splitlines()
        return dict(line.split("|", 1) for line in lines)

    def unanswered(self) -> int:
        """How many calls of squeue have failed."""
        path = self.folder / "log/squeue"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def wait(self, condition: Callable[[], bool], failure: str, seconds: float = PATIENCE) -> None:
        """Wait for a condition; a question that Slurm does not answer is asked again.

        Raises:
            LabError: it did not come true in time.
        """
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(LabError):
                if condition():
                    return
            if time.monotonic() > end:
                raise LabError(f"{failure}\n{self.tails()}")
            time.sleep(0.2)

    def tails(self) -> str:
        """The end of every log."""
        logs = sorted((self.folder / "log").iterdir())
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in logs)

    # ---- parts ----
    def _daemon(self, name: str, *command: str) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def _configure(self) -> None:
        ctld, dbd, *ports = _free_ports(2 + len(NODES))
        values = {"host": self.host, "address": self.address, "folder": self.folder, "ctld": ctld, "dbd": dbd}
        accounting = ACCOUNTING.format(**values) if self.accounting else NO_ACCOUNTING
        text = SLURM.format(**values, accounting=accounting)
        devices = "AutoDetect=off\n"
        for node, port in zip(NODES, ports, strict=True):
            text += NODE.format(**values, name=node, port=port, cpus=CPUS, memory=MEMORY_MB, gpus=GPUS)
            for index in range(GPUS):
                device = self.folder / "dev" / f"{node}-gpu{index}"
                if not device.exists():
                    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # a twin of /dev/null
                devices += f"NodeName={node} Name=gpu File={device} Flags=nvidia_gpu_env\n"
        (self.folder / "slurm.conf").write_text(text + PARTITION)
        (self.folder / "gres.conf").write_text(devices)
        # Snakemake's job step takes SLURM_CONF away from srun, as if every site had its configuration in /etc
        srun = self.folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder / "slurm.conf"} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        squeue = self.folder / "bin/squeue"
        note = f'echo "$@" >>{self.folder / "log/squeue"}'
        squeue.write_text(f'#!/bin/sh\n{shutil.which("squeue")} "$@" || {{ code=$?; {note}; exit $code; }}\n')
        squeue.chmod(0o755)
        if self.accounting:
            path = self.folder / "slurmdbd.conf"
            path.touch(mode=0o600)  # slurmdbd refuses one that others can read
            path.write_text(DATABASE.format(**values, password=PASSWORD))

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        key = munge / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        files = [f"--{name}-file={munge / name}" for name in ("key", "log", "pid", "seed")]
        self._daemon("munged", "munged", "-F", *files, f"--socket={munge / 'socket'}")
        self.wait(lambda: self._answers("munge", "-n", f"--socket={munge / 'socket'}"), "munged did not start")

    def _start_accounting(self) -> None:
        data, place = self.folder / "db/data", self.folder / "db/socket"
        self.run(
            *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db"),
            "--auth-root-authentication-method=socket",
        )
        self._daemon(
            *("mariadbd", "mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={place}"),
            *("--skip-networking", "--innodb-buffer-pool-size=64M", f"--pid-file={self.folder / 'pid/mariadbd'}"),
        )
        client = ("mariadb", "--no-defaults", "-S", str(place), "-u", "root", "-N", "-e")
        self.wait(lambda: "1" in self.run(*client, "select 1"), "the database did not start")
        self.run(
            *client,
            f"create database slurm_acct_db; create user slurm@localhost identified by '{PASSWORD}'; "
            "grant all on slurm_acct_db.* to slurm@localhost",
        )
        self._daemon("slurmdbd", "slurmdbd", "-D")
        self.wait(lambda: self._answers("sacctmgr", "-n", "show", "cluster"), "slurmdbd did not start")
        for thing in (["cluster", "lab"], ["account", "bench"], ["user", "root", "account=bench"]):
            self.run("sacctmgr", "-i", "add", *thing)


@contextlib.contextmanager
def temporary_lab(*, accounting: bool) -> Iterator[Lab]:
    """A lab in a folder of its own, removed afterwards (socket paths must be short, so not pytest's)."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    try:
        with Lab(folder, accounting=accounting) as lab:
            yield lab
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str]) -> int:
    """Run one command inside a lab."""
    accounting = "--accounting" in arguments[:1]
    command = list(arguments[accounting:]) or ["sinfo", "-N", "-l"]
    with temporary_lab(accounting=accounting) as lab:
        return subprocess.run(command, env=lab.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
