#!/bin/bash
# Takes the captures of this directory anew: real programs talk over a veth pair between two network namespaces, and a
# "sensor" on the servers' end writes what it sees, as two capture threads with rotating files.
#
#   examples/captures/take.sh [OUTPUT_DIRECTORY]
#
# Needs root and, from Debian: iproute2 ethtool tcpdump wireshark-common dnsmasq-base bind9-dnsutils curl openssl
# openssh-server openssh-client iputils-ping netcat-openbsd python3. Takes half a minute; leaves only the captures.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:-$here}" && cd "${1:-$here}" && pwd)
export PATH=$PATH:/usr/sbin:/sbin TZ=UTC
for program in ip ethtool tcpdump dumpcap mergecap dnsmasq dig curl openssl sshd ssh ssh-keygen ping nc python3; do
  command -v "$program" >/dev/null || { echo "take.sh: $program is missing" >&2; exit 2; }
done

work=$(mktemp -d)
client=take$$-client server=take$$-server
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns del "$client" 2>/dev/null || true
  ip netns del "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
on_client() { ip netns exec "$client" "$@"; }
on_server() { ip netns exec "$server" "$@"; }
# start NAME NAMESPACE COMMAND...: in the background; $! is the command's own pid, since `ip netns exec` execs in place.
start() { local log=$work/$1.log; shift; ip netns exec "$@" >"$log" 2>&1 </dev/null & pids+=($!); }
await() {
  for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done
  echo "take.sh: never true: $*" >&2; tail -n 3 "$work"/*.log >&2; exit 1
}

# The wire: documentation addresses (RFC 5737, RFC 3849), locally administered MAC addresses.
ip netns add "$client"
ip netns add "$server"
ip -n "$client" link add wire type veth peer name sensor netns "$server"
wire_end() { # NAMESPACE INTERFACE MAC
  ip netns exec "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf."$2".accept_dad=0
  # A veth pair hands over unfinished checksums and frames of 64 KiB; a wire does not.
  ip netns exec "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null
  ip -n "$1" link set lo up
  ip -n "$1" link set "$2" address "$3" up
}
wire_end "$client" wire 02:00:00:00:00:10
wire_end "$server" sensor 02:00:00:00:00:01
for host in 10 11; do
  ip -n "$client" address add 192.0.2.$host/24 dev wire
  ip -n "$client" address add 2001:db8::$host/64 dev wire nodad
done
for host in 22 53 80; do
  ip -n "$server" address add 192.0.2.$host/24 dev sensor
  ip -n "$server" address add 2001:db8::$host/64 dev sensor nodad
done
vlan() { # ID NETWORK
  start "vlan-$1-client" "$client" python3 "$here/vlan-port.py" wire "vlan$1" "$1"
  start "vlan-$1-server" "$server" python3 "$here/vlan-port.py" sensor "vlan$1" "$1"
  await grep -q ready "$work/vlan-$1-client.log"
  await grep -q ready "$work/vlan-$1-server.log"
  ip -n "$client" link set "vlan$1" address "02:00:00:00:$1:10" up
  ip -n "$server" link set "vlan$1" address "02:00:00:00:$1:01" up
  ip -n "$client" address add "$2.10/24" dev "vlan$1"
  ip -n "$server" address add "$2.80/24" dev "vlan$1"
}
vlan 10 198.51.100
vlan 20 203.0.113

# The servers.
mkdir "$work/www"
python3 - "$work/www" <<'PY'
import pathlib, random, sys
www, chance = pathlib.Path(sys.argv[1]), random.Random(2019)
def word(): return "".join(chance.choice("aeioubdfgklmnprst") for _ in range(chance.randrange(2, 9)))
def page(lines): return "<!doctype html><title>example.test</title><pre>\n" + "\n".join(" ".join(word() for _ in range(12)) for _ in range(lines)) + "\n</pre>\n"
(www / "index.html").write_text(page(12))
(www / "report.html").write_text(page(150))
(www / "archive.bin").write_bytes(chance.randbytes(30_000))
PY
start dns "$server" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root \
  --local=/test/ --local=/arpa/ --address=/www.example.test/192.0.2.80 --address=/www.example.test/2001:db8::80 \
  --address=/ssh.example.test/192.0.2.22 --mx-host=example.test,www.example.test,10 \
  --txt-record=example.test,"v=spf1 -all" --ptr-record=80.2.0.192.in-addr.arpa,www.example.test --log-facility=-
start http "$server" python3 -m http.server --bind :: --directory "$work/www" 80
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=www.example.test \
  -addext subjectAltName=DNS:www.example.test -keyout "$work/tls.key" -out "$work/tls.pem" 2>/dev/null
start tls "$server" env -C "$work/www" openssl s_server -accept 443 -cert "$work/tls.pem" -key "$work/tls.key" -WWW -quiet
for key in host user; do ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/$key"; done
mkdir -p /run/sshd
start ssh "$server" "$(command -v sshd)" -D -e -f /dev/null -h "$work/host" -o UsePAM=no -o StrictModes=no \
  -o AuthorizedKeysFile="$work/user.pub" -o PidFile=none -o PermitRootLogin=yes -o PrintMotd=no
await on_server nc -z 192.0.2.80 80
await on_server nc -z 192.0.2.80 443
await on_server nc -z 192.0.2.22 22
await on_server dig @192.0.2.53 +time=1 +tries=1 www.example.test

# The sensor: thread 0 is tcpdump (classic pcap, microseconds), thread 1 dumpcap (pcapng, nanoseconds). A third capture
# of everything is what they are checked by.
mkdir "$work/thread0" "$work/thread1"
start thread0 "$server" tcpdump -i sensor -U -Z root -G 5 -w "$work/thread0/thread0-%Y%m%dT%H%M%S.pcap" 'tcp or vlan'
thread0=${pids[-1]}
start thread1 "$server" dumpcap -q -i sensor -b duration:7 -w "$work/thread1/thread1.pcapng" -f 'not tcp and not vlan'
thread1=${pids[-1]}
start everything "$server" tcpdump -i sensor -U -Z root -w "$work/everything.pcap"
everything=${pids[-1]}
await grep -q 'listening on' "$work/thread0.log"
await grep -q 'listening on' "$work/everything.log"
await grep -q 'Capturing on' "$work/thread1.log"

# The talk.
ask() { on_client dig +time=2 +tries=1 "$@" >/dev/null || true; }
get() { on_client curl -sS --max-time 5 -o /dev/null "$@" || true; }
tls() { get --cacert "$work/tls.pem" --resolve www.example.test:443:192.0.2.80 "$@"; }
shell() {
  on_client ssh -F none -i "$work/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -b "$1" "root@$2" "$3" >/dev/null || true
}
echo_request() { on_client ping -q -n -i 0.25 "$@" >/dev/null || true; }

ask @192.0.2.53 www.example.test A
ask @192.0.2.53 www.example.test AAAA
get http://192.0.2.80/
get http://192.0.2.80/report.html http://192.0.2.80/missing.html -o /dev/null
echo_request -c 8 192.0.2.80 & long_ping=$!
sleep 1
tls https://www.example.test/index.html
tls --tls-max 1.2 https://www.example.test/report.html
ask @2001:db8::53 example.test MX
ask @2001:db8::53 +tcp example.test TXT
get -g 'http://[2001:db8::80]/report.html'
wait "$long_ping"
shell 192.0.2.10 192.0.2.22 'true'
get --interface 198.51.100.10 http://198.51.100.80/report.html
sleep 2
echo_request -c 4 -I vlan10 198.51.100.80
ask -b 198.51.100.10 @198.51.100.80 www.example.test A
get --interface 192.0.2.11 -I http://192.0.2.80/archive.bin
get --interface 192.0.2.11 http://192.0.2.80/archive.bin
shell 192.0.2.11 192.0.2.22 'seq 400'
sleep 2
ask -b 192.0.2.11 @192.0.2.53 missing.example.test A
ask -b 192.0.2.11 @192.0.2.53 -x 192.0.2.80
echo_request -6 -c 6 2001:db8::80 & long_ping=$!
get -d 'level=4&source=playbook' http://192.0.2.80/alerts
get http://192.0.2.80:8080/ 2>/dev/null
on_client nc -u -w 1 192.0.2.80 9 <<<'anyone?' || true
wait "$long_ping"
echo_request -c 2 -s 3000 192.0.2.80
echo_request -6 -c 2 -s 3000 2001:db8::80
shell 2001:db8::10 2001:db8::22 'seq 200'
sleep 2
echo_request -c 3 -I vlan20 203.0.113.80
shell 203.0.113.10 203.0.113.80 'seq 100'
get --interface 203.0.113.10 http://203.0.113.80/
tls --tlsv1.3 https://www.example.test/archive.bin
get -g --cacert "$work/tls.pem" --resolve 'www.example.test:443:[2001:db8::80]' https://www.example.test/index.html
ask @192.0.2.53 ssh.example.test A
sleep 1
get http://192.0.2.80/
ask @192.0.2.53 www.example.test A
sleep 2 # buffers on the way to the files are handed over once a second

for pid in "$thread0" "$thread1" "$everything"; do kill -TERM "$pid"; wait "$pid" || true; done

# Nothing was lost and nothing was seen twice.
count() { tcpdump -r "$1" --count 2>/dev/null | cut -d' ' -f1; }
mergecap -F pcap -w "$work/merged.pcap" "$work"/thread0/* "$work"/thread1/*
seen=$(count "$work/everything.pcap") kept=$(count "$work/merged.pcap")
[ "$seen" -gt 400 ] && [ "$seen" = "$kept" ] || { echo "take.sh: $seen packets seen, $kept kept" >&2; exit 1; }

rm -f "$out"/thread*.pcap "$out"/thread*.pcap.gz "$out"/thread*.pcapng
number=0
for file in "$work"/thread1/*; do # dumpcap's own names say local time and a counter: keep the time
  number=$((number + 1))
  mv "$file" "$out/thread1-$(basename "$file" | sed -E 's/.*_([0-9]{8})([0-9]{6})\.pcapng/\1T\2/').pcapng"
done
mv "$work"/thread0/* "$out"
chmod 644 "$out"/thread*
second=$(ls "$out"/thread0-*.pcap | sed -n 2p)
gzip -n -9 "$second" # as a nightly job would
echo "$seen packets in $(ls "$out"/thread* | wc -l) files, $(du -cb "$out"/thread* | tail -n 1 | cut -f1) bytes"
