#!/bin/sh
# Run as root, after the packages are installed; requirements.txt lies beside this file.
set -eu
here=$(dirname "$0")

# The user of pods that may not be root.
useradd --create-home --shell /bin/bash --uid 1000 debug

# A copy has no file capabilities: with them ping cannot even be started where none may be gained.
cp /usr/bin/ping /usr/bin/ping.plain
mv /usr/bin/ping.plain /usr/bin/ping

# The user may add packages of their own.
python3 -m venv /opt/venv
/opt/venv/bin/pip install --quiet --no-cache-dir --no-deps --only-binary=:all: -r "$here/requirements.txt"
/opt/venv/bin/pip check
chown -R debug:debug /opt/venv
