#!/bin/sh
# Run as root, after the packages are installed: the image is what this puts into /image, which is
# OpenSSH's server and nothing else. No shell, no other program.
set -eu

# A program and the libraries that it needs.
put() {
  for file in "$1" $(ldd "$1" | grep -o '/[^ ]*'); do
    mkdir -p "/image$(dirname "$file")"
    cp -L "$file" "/image$file"
  done
}

put /usr/sbin/sshd
# From OpenSSH 9.8 on it is three programs.
for helper in /usr/lib/openssh/sshd-session /usr/lib/openssh/sshd-auth; do
  if [ -e "$helper" ]; then put "$helper"; fi
done

mkdir -p /image/etc /image/tmp /image/run
# The shell must exist, and is never started.
printf 'root:x:0:0:root:/:/usr/sbin/sshd\ntunnel:x:65532:65532:tunnel:/:/usr/sbin/sshd\n' > /image/etc/passwd
printf 'root:x:0:\ntunnel:x:65532:\n' > /image/etc/group
