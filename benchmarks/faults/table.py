"""The faults, in the order of the table."""

from benchmarks.faults import damage, disks, kills, process_faults, races, records, sessions
from benchmarks.faults.cases import Fault
from benchmarks.faults.proofs import proved

FAULTS = (
    Fault(
        "trainer-killed",
        "1, 2",
        "SIGKILL to the trainer: loading, training, saving, validating, finishing",
        kills.trainer,
        cases=13,
        blows=8,
    ),
    Fault("supervisor-killed", "3", "SIGKILL to the supervisor", kills.supervisor, cases=5, blows=6),
    Fault("both-killed", "4", "SIGKILL to supervisor and trainer", kills.both, cases=5, blows=6),
    Fault(
        "app-killed",
        "5",
        "SIGKILL to the app on a random screen, a run going on",
        sessions.app_killed,
        cases=5,
        blows=6,
    ),
    Fault("hang-up", "6", "The terminal closed, a run going on", sessions.hung_up),
    Fault(
        "reboot",
        "8, 9",
        "A restart, with zero-byte files in the newest checkpoint",
        process_faults.reboot,
        cases=5,
    ),
    Fault(
        "files-damaged",
        "9, 10, 11, 12, 13",
        "Each file of a checkpoint torn, truncated, with a flipped bit, missing, without a byte",
        damage.files,
        cases=len(damage.FILES),
        blows=len(damage.KINDS),
    ),
    Fault(
        "disk-full",
        "14",
        "The run's disk full (tmpfs of 160 MB)",
        disks.full_for_a_run,
        cases=2,
        mounts=True,
    ),
    Fault(
        "catalogue-disk-full",
        "15",
        "The catalogue's disk full (tmpfs of 160 MB)",
        disks.full_for_the_catalogue,
        mounts=True,
    ),
    Fault("file-limit", "16", "Files of the trainer limited (RLIMIT_FSIZE)", disks.file_limit),
    Fault("writer-killed", "17", "SIGKILL to a writer of the catalogue", records.writer_killed, blows=30),
    Fault("catalogue-locked", "18", "The catalogue's write lock held", records.locked),
    Fault(
        "queue-race",
        "19",
        "Two apps and two dispatchers over queued runs (stub trainers)",
        races.queue,
        blows=200,
        alone=True,
    ),
    Fault(
        "resume-race",
        "19",
        "Two people resume the same run at once (stub trainer)",
        races.resume_twice,
        blows=20,
        alone=True,
    ),
    Fault("clock", "20", "The trainer's clock leaps by days", process_faults.leaping_clock),
    Fault("pid-reused", "21", "The trainer's pid belongs to another process", process_faults.reused_pid),
    Fault("host-memory", "22", "No more memory from the system (RLIMIT_AS)", process_faults.host_memory),
    Fault("gpu-memory", "23", "torch.OutOfMemoryError at a random step", process_faults.gpu_memory),
    Fault("stopped", "24", "SIGSTOP to the trainer, then SIGCONT", process_faults.stopped),
    Fault("not-a-number", "25", "Weights that run out of all bounds", process_faults.not_a_number),
    Fault(
        "migration-killed",
        "26",
        "A migration killed at each statement",
        proved("tests/store", "-k", "killed"),
    ),
    Fault("upgrade", "27", "The catalogue migrated while a run trains", records.upgraded),
    Fault("newer", "28", "A catalogue of a later promptrec", records.newer),
    Fault("catalogue-damaged", "29", "Noise over five pages of the catalogue", records.damaged),
    Fault(
        "events-torn",
        "30",
        "A torn last event; a doubled tail, read from the start",
        records.torn_events,
        blows=2,
    ),
    Fault("read-only", "31", "The home mounted read-only", disks.read_only, mounts=True),
    Fault("home-removed", "31", "The home renamed under an open app", sessions.home_removed),
    Fault("storm", "32", "Requests at random to a run at work", races.storm, blows=100),
    Fault("hostile-text", "", "Hostile text on every screen", proved("tests/hostile")),
)

LEFT_OUT = (
    (
        "6",
        "An SSH session dropped",
        "this machine has no sshd; the closed terminal above is what the app sees",
    ),
    ("7", "The session's cgroup killed", "no systemd user manager"),
    ("33", "A rank of a distributed run killed", "there is no torchrun launcher"),
    ("34", "Slurm preempts a job", "there is no Slurm launcher"),
)
"""Rows that are not run, and why."""
