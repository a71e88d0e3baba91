/**
 * Exit code of the gate when the network is not as it must be; sysexits(3) calls it a
 * configuration error.
 */
export const NOT_ISOLATED = 78;
/** First word of what the gate leaves as its termination message. */
export const PROVED = 'isolated';

/** `nc` of busybox ends with 0 when it could connect; `-w` bounds connecting and waiting for words. */
const REACHES = `reaches() { nc -w 1 "$1" "$2" </dev/null >/dev/null 2>&1; }`;

/**
 * Proves from inside of the pod that ways out are closed and that the proxy is open, and waits for
 * both: policy engines take their time with a new pod. Words: PROXY_IP PROXY_PORT SECONDS DNS_IP
 * OPEN(yes|no) then IP:PORT of everything that must be closed.
 */
export const GATE = `${REACHES}
proxy=$1 port=$2 left=$3 dns=$4 open=$5
shift 5
# busybox's own wget asks libraries for names, which static programs do not have.
ready() { printf 'GET /datamill/ready HTTP/1.0\\r\\n\\r\\n' | nc -w 2 "$proxy" "$port" 2>/dev/null | grep -q '^ready'; }
resolves() { [ -n "$dns" ] && timeout 2 nslookup -type=txt datamill-gate.invalid. "$dns" 2>&1 | grep -qi nxdomain; }
end=$(( $(date +%s) + left ))
while :; do
  leaks=$(
    for way in "$@"; do
      host=\${way%:*}; host=\${host#[}; host=\${host%]}
      (if reaches "$host" "\${way##*:}"; then printf ' %s' "$way"; fi) &
    done
    if resolves; then printf ' %s' "dns:$dns"; fi
    wait
  )
  wanted=yes
  if [ "$open" = yes ] && ! ready; then wanted=no; fi
  if [ -z "$leaks" ] && [ $wanted = yes ]; then
    echo "${PROVED} in $(hostname): closed $*; proxy $proxy:$port open" | tee /dev/termination-log
    exit 0
  fi
  [ $wanted = yes ] || leaks="$leaks (the proxy $proxy:$port is out of reach)"
  [ "$(date +%s)" -lt "$end" ] || break
  sleep 0.2
done
echo "not isolated, open are:$leaks" | tee /dev/termination-log
exit ${NOT_ISOLATED}`;

/** Before every file of the output: its name, in base64, and its size. */
export const FILE_MARK = 'datamill-file';
export const LARGE_MARK = 'datamill-too-large';
export const END_MARK = 'datamill-end';
/** Nothing was printed yet. */
const WAITING_MARK = 'datamill-waiting';

/**
 * Stands beside the algorithm and is told to end when the algorithm has: then it prints what the
 * algorithm wrote, up to a limit. Links are not followed. Words: FOLDER BYTES.
 */
export const COLLECT = `folder=$1 limit=$2
collect() {
  trap '' TERM
  kill $sleeper
  total=0
  find "$folder" -xdev -type f | sort | while read -r file; do
    size=$(stat -c %s "$file")
    total=$(( total + size ))
    if [ "$total" -gt "$limit" ]; then echo "${LARGE_MARK} $total"; break; fi
    echo "${FILE_MARK} $(printf %s "\${file#$folder/}" | base64 | tr -d '\\n') $size"
    base64 "$file"
  done
  echo ${END_MARK}
  exit 0
}
trap collect TERM
echo ${WAITING_MARK}
while :; do sleep 3600 >/dev/null 2>&1 & sleeper=$!; wait $sleeper; done`;

/**
 * Waits until the first process of the container catches SIGTERM (bit 15 of the mask, proc(5)): an
 * algorithm that ends in no time must not end before somebody listens.
 */
export const LISTENS = `until grep -Eq '^SigCgt:.*[4-7c-f][0-9a-f]{3}$' /proc/1/status; do sleep 0.01; done`;
