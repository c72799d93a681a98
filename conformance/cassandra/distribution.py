"""What a node is made of: Java 17, Cassandra's jars from Maven, and an archive of its classes.

The jars stay in Maven's own repository. `.tools/` beside this file remembers their class path, and
the archive, which the first ring of several nodes leaves and which saves later starts a third.
"""

import contextlib
import glob
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import tools  # noqa: E402

TOOLS = HERE / ".tools"
CLASSPATH = TOOLS / "classpath"
RESOLVE = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:build-classpath"

# What Cassandra 5.0's own conf/jvm17-server.options opens of the JDK, without what only a JDK with
# its compiler has.
EXPORTED = """
    java.base/java.lang.ref java.base/jdk.internal.misc
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry
    java.rmi/sun.rmi.server java.sql/java.sql jdk.attach/sun.tools.attach
    jdk.unsupported/sun.misc""".split()
OPENED = """
    java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.reflect
    java.base/java.util java.base/jdk.internal.loader java.base/jdk.internal.math
    java.base/jdk.internal.module java.base/jdk.internal.ref java.base/jdk.internal.reflect
    java.base/jdk.internal.util.jar java.base/sun.nio.ch
    jdk.management/com.sun.management.internal""".split()
MODULES = [f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTED] + [
    f"--add-opens={name}=ALL-UNNAMED" for name in OPENED]


class Trouble(Exception):
    """Why a ring cannot be had, in words for whoever asked for one."""


def java():
    """The path of Java 17's `java`, and what it says of its version.

    `JAVA_HOME` decides if it is set; else the first in `PATH` or under /usr/lib/jvm that is 17.
    """
    home = os.environ.get("JAVA_HOME")
    if home:
        candidates = [os.path.join(home, "bin/java")]
    else:
        candidates = [shutil.which("java"), *sorted(glob.glob("/usr/lib/jvm/*/bin/java"))]
    seen = []
    for path in filter(None, candidates):
        try:
            done = subprocess.run([path, "-version"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, check=False)
        except OSError as why:
            seen.append(str(why))
            continue
        version = re.search(r'version "([^"]+)"', done.stderr)
        if version and re.match(r"17\b", version[1]):
            return path, done.stderr
        seen.append(f"{path} is {version[1] if version else 'of unknown version'}")
    raise Trouble("Cassandra 5.0 needs Java 17 (apt-get install openjdk-17-jre-headless), in "
                  f"JAVA_HOME or PATH; found: {'; '.join(seen) or 'none'}")


def classpath():
    """The jars of Cassandra, resolved by Maven the first time and after a change of pom.xml."""
    for _ in range(2):
        try:
            with contextlib.redirect_stdout(sys.stderr):
                tools.once(TOOLS / "classpath.stamp", [HERE / "pom.xml"],
                           ["mvn", "--quiet", "--batch-mode", RESOLVE,
                            f"-Dmdep.outputFile={CLASSPATH}"], cwd=HERE, needs=[CLASSPATH])
        except tools.NotInstalled as why:
            raise Trouble(f"Cassandra's jars could not be had from Maven: {why}") from why
        found = CLASSPATH.read_text(encoding="utf-8").strip()
        if all(map(os.path.exists, found.split(":"))):
            return found
        # Somebody has emptied Maven's repository.
        CLASSPATH.unlink()
    raise Trouble(f"Maven resolved jars that are not there: {found}")


def archive(java_version, jars):
    """Where the archive of classes is, or would be, for this Java and these jars."""
    name = hashlib.sha256((java_version + jars).encode()).hexdigest()[:16]
    return TOOLS / f"classes-{name}.jsa"
